"""Illnesses of surgery, orthopaedics, cancer, emergencies, intensive care and old age, written for this project.

The function `illnesses` describes the format of the texts.
"""

from invented.medicine.illness import illnesses

SURGICAL = (
    *illnesses(
        "oncology",
        """
breast cancer | breast ca | woman
painless lump in the (left|right) breast; nipple drawn in; an ache under the arm; dimpled skin
hard 2~4 cm mass in the upper outer quadrant; mobile axillary node; skin tethering
mammogram: spiculate mass M5; core biopsy: grade 2 ductal, ER positive; HER2 negative; CT staging clear
letrozole 2.5 mg @od; tamoxifen 20 mg @od; epirubicin/cyclophosphamide three weekly; zoledronic acid 4 mg six monthly
wide local excision with sentinel node biopsy; discuss at breast MDT; breast care nurse present;\
 offer genetics referral
bone pain; breathlessness; headache
fibroadenoma; fat necrosis

lung cancer | lung ca | old low
cough that changed; weight loss of 6~10 kg; hoarse voice; blood flecks in phlegm
clubbing; dull (left|right) base; supraclavicular node
CT: 4~6 cm hilar mass; EBUS: adenocarcinoma; PD-L1 55~80%; PET: one adrenal deposit
pembrolizumab 200 mg three weekly; oral morphine 5 mg @prn; dexamethasone 4 mg @od; carboplatin/pemetrexed
discuss at lung MDT; performance status 1; tap the effusion; specialist nurse contact; palliative care early
bone pain; headache; fits
tuberculosis; lymphoma

colorectal cancer | CRC | old
looser stools for 2~3 months; dark blood mixed in; tiredness; colicky pain
mass in the (left|right) iliac fossa; pallor; empty rectum
FIT 120~400; colonoscopy: ulcerated tumour at 25~60 cm; CEA 6~48; CT: no metastases; Hb 86~109
capecitabine 1500 mg @bd; oxaliplatin three weekly; loperamide 2 mg @prn; ferrous sulphate 200 mg @od
list for laparoscopic resection; colorectal MDT; stoma nurse visit; surveillance CT at 12 months
vomiting; jaundice; back pain
diverticular stricture; colitis

neutropenic sepsis | neutropenic sepsis | adult hot acute
rigors nine days after chemotherapy; sore mouth; shivery; loose stools
mucositis; warm peripheries; clean line site
neutrophils 0.0~0.3; CRP 88~260; lactate 1.9~4.4; blood cultures: gram negative rods
piperacillin/tazobactam 4.5 g @qds; meropenem 1 g @tds; filgrastim 30 million units @od; aciclovir 200 mg @bd
antibiotics within the hour; side room; peripheral and line cultures; tell the oncology team; dose reduce next cycle
cough; rash; headache
drug fever; line infection
""",
    ),
    *illnesses(
        "orthopaedics",
        """
neck of femur fracture | NOF | old woman acute
fall in the kitchen; hip pain; unable to stand; two hours on the floor
shortened and rotated (left|right) leg; intact pulses; bruised hip
X-ray: displaced intracapsular fracture; Hb 102~126; CK 240~980; AMTS 6~10; vitamin D 16~38
fascia iliaca block; paracetamol 1 g @qds; oxycodone 2.5 mg @prn; enoxaparin 40 mg @od; zoledronate 5 mg yearly
hemiarthroplasty tomorrow's list; orthogeriatric review; mobilise day one; falls assessment; bone protection
chest pain; blackout; head injury
pubic ramus fracture; dislocation

knee osteoarthritis | knee OA | old
knee pain on stairs; start up stiffness; giving way; swelling after gardening
varus deformity; crepitus; flexion limited to 95~110 degrees; small effusion
X-ray: medial joint space loss; BMI 29~38; Oxford knee score 17~26
topical ibuprofen gel @tds; paracetamol 1 g @qds; capsaicin cream @qds; steroid injection 40 mg
quadriceps exercises; lose 5~10% of weight; stick in the other hand; list for knee replacement; physio class
locking; fever; night pain
meniscal tear; hip arthritis

lumbar disc prolapse | sciatica | adult
shooting pain down the (left|right) leg; numb outer foot; worse on coughing; bent over at work
straight leg raise 30~45 degrees; weak big toe; absent ankle jerk
MRI: L5/S1 disc touching the nerve root; bladder scan 12~60 ml; CRP below 5
naproxen 500 mg @bd; amitriptyline 10 mg @on; diazepam 2 mg @tds; omeprazole 20 mg @od
stay active; physio referral; red flag advice; nerve root injection if not settling by six weeks
saddle numbness; bladder trouble; weight loss
hip disease; spinal stenosis

ankle fracture | ankle # | young acute
twisted ankle on a kerb; heard a crack; unable to weight bear; swelling
bony tenderness of the lateral malleolus; blistered skin; intact sensation
X-ray: Weber B fracture without talar shift; stress view stable; foot films normal
codeine 30 mg @qds; ibuprofen 400 mg @tds; dalteparin 5000 units @od
below knee boot; non weight bearing two weeks; fracture clinic with film; elevate
knee pain; wound; pins and needles
ligament sprain; base of fifth metatarsal fracture
""",
    ),
    *illnesses(
        "general surgery",
        """
acute appendicitis | appendicitis | young hot acute
pain moving from the umbilicus to the right iliac fossa; anorexia; vomiting; pain on the car ride
percussion tenderness; Rovsing positive; guarding
WCC 13.1~18.2; CRP 36~140; USS: 9~12 mm non-compressible appendix; urine dip clear
co-amoxiclav 1.2 g IV @tds; paracetamol 1 g IV @qds; morphine 5 mg IV @prn; cyclizine 50 mg @tds
fast from midnight; consent for laparoscopic appendicectomy; antibiotics at induction; home day one
diarrhoea; dysuria; back pain
mesenteric adenitis; Meckel's diverticulitis

acute cholecystitis | cholecystitis | adult hot acute
pain under the right ribs for 2~3 days; vomiting after chips; shoulder blade ache; shivers
Murphy positive; guarding in the right upper quadrant; no jaundice
USS: thick walled gallbladder with stones; ALT 38~96; CRP 84~210; bilirubin 12~24; WCC 13~18
co-amoxiclav 1.2 g IV @tds; diclofenac 75 mg @bd; metronidazole 400 mg @tds
hot gallbladder list this week; low fat diet; MRCP if ducts dilate; group and save
pale stools; chest pain; weight loss
biliary colic; lower lobe pneumonia

small bowel obstruction | SBO | adult acute
colicky central pain; green vomiting; no wind for 24 hours; swollen abdomen; old laparotomy scar
distension; tinkling bowel sounds; empty rectum
CT: transition point in the pelvis; lactate 1.1~2.6; K 3.0~3.6; urea 8.4~13.0
Hartmann's 125 ml/h; Ryles tube on free drainage; ondansetron 4 mg @tds
drip and suck; gastrografin at 24 hours; catheter and fluid chart; theatre if peritonitic
bleeding; hernia; fever
ileus; caecal tumour

inguinal hernia | hernia | man
groin lump on lifting; dragging ache; goes back on lying; bigger by evening
reducible (left|right) groin swelling; cough impulse; normal testis
USS not needed; ASA grade 2; BMI 24~30
paracetamol 1 g @prn; lactulose 15 ml @bd; bupivacaine infiltration
list for mesh repair as a day case; no heavy lifting for four weeks; explain strangulation; wound check at the surgery
vomiting; constipation; urinary trouble
lipoma of the cord; femoral hernia
""",
    ),
    *illnesses(
        "emergency medicine",
        """
anaphylaxis | anaphylaxis | young acute
lip swelling minutes after cashew; hives; tight throat; faintness
widespread wheals; soft stridor; BP 84/48
tryptase 14~38; lactate 1.8~3.1; ECG: sinus tachycardia
adrenaline 500 micrograms IM; chlorphenamine 10 mg @tds; cetirizine 10 mg @od; prednisolone 40 mg @od
observe for 6~12 hours; two auto-injectors and training; allergy clinic referral; avoid all nuts
chest pain; vomiting; previous episodes
vasovagal faint; hereditary angioedema

paracetamol overdose | paracetamol OD | young acute
took 24~40 tablets after an argument; nausea; vomiting; regrets it now
tearful; no liver flap; mild epigastric tenderness
4 hour level 138~230; ALT 22~460; INR 1.0~1.7; VBG pH 7.36; salicylate not detected
acetylcysteine 150 mg/kg; ondansetron 4 mg @tds; IV fluids 1 L
treat above the line; repeat INR and ALT at the end; psychiatric liaison when fit; remove tablets at home
jaundice; drowsiness; alcohol taken
mixed overdose; viral hepatitis

minor head injury | head injury | adult acute
hit by a swinging door; brief amnesia; headache; dizziness
GCS 15; 4 cm scalp laceration; no battle sign
CT head: no bleed; C-spine cleared; INR 1.0~2.4
paracetamol 1 g @qds; codeine 30 mg @prn; tetanus booster
glue the wound; neuro obs every half hour; head injury card; no sport for three weeks
vomiting; neck pain; fits
subdural haematoma; concussion only
""",
    ),
    *illnesses(
        "anaesthetics and intensive care",
        """
septic shock from the abdomen | septic shock | adult hot low acute
collapse after four days of belly pain; rigors; mottled legs; drowsiness
peripherally warm then cool; rigid abdomen; oliguria of 10~20 ml per hour
lactate 4.2~8.1; pH 7.12~7.26; procalcitonin 28~90; platelets 64~110; CT: free air
noradrenaline 0.1~0.6 micrograms/kg/min; meropenem 1 g @tds; hydrocortisone 50 mg @qds; propofol infusion
laparotomy tonight; MAP above 65; lung protective ventilation; filter if K above 6.5; update the family
chest pain; rash; neck stiffness
ischaemic bowel; pancreatitis

postoperative pain and nausea | PONV | woman acute
sickness since surgery; wound pain 6~8 out of 10; dizziness on sitting up; poor sleep
epidural site clean; sensory block to T10; dry lips
Hb 98~112; K 3.4~4.2; urine output 30~50 ml per hour
morphine PCA; ondansetron 4 mg @tds; dexamethasone 6.6 mg once; paracetamol 1 g @qds; oxycodone MR 10 mg @bd
multimodal analgesia; regular antiemetics; acute pain team twice daily; sit out with physio
chest pain; itching; leg weakness
ileus; bleeding
""",
    ),
    *illnesses(
        "geriatrics",
        """
delirium from a urinary infection | delirium | old hot acute
muddled since Tuesday; picking at the sheets; awake all night; new incontinence
inattentive to months backwards; 4AT 8; suprapubic tenderness
MSU: Proteus; CRP 48~130; Na 131~147; CT head: small vessel change; calcium normal
nitrofurantoin 50 mg @qds; trimethoprim 200 mg @bd; haloperidol 0.5 mg @prn; paracetamol 1 g @qds
reorientate with clock and glasses; stop oxybutynin; bowel chart; avoid bed moves; repeat 4AT at discharge
falls; headache; cough
dementia with Lewy bodies; subdural

recurrent falls with postural hypotension | falls | old
three falls since Easter; dizzy on getting out of bed; fear of going out; bruised hip
drop of 28~40 mmHg at one minute; timed up and go 21~34 s; poor tandem stand
ECG: sinus bradycardia; Hb 104~128; vitamin D 14~30; FRAX 22~36%
fludrocortisone 100 micrograms @od; colecalciferol 20,000 units weekly; alendronic acid 70 mg weekly
deprescribe doxazosin; strength and balance class; OT home visit; pendant alarm; review spectacles
blackout; palpitations; tongue biting
Parkinson's disease; carotid sinus syndrome

Alzheimer's dementia | dementia | old
repeating questions; lost on the way home; mislaying the purse; leaving the gas on
ACE-III 58~72; fluent empty speech; normal gait
CT: medial temporal atrophy; B12 320~480; TSH 1.4~3.2; calcium 2.32
donepezil 5 mg @on; memantine 10 mg @od; trazodone 50 mg @on
memory clinic; lasting power of attorney; carer assessment; day centre; stop driving until tested
hallucinations; low mood; incontinence
depression; normal pressure hydrocephalus
""",
    ),
)
