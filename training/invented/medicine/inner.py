"""Illnesses of the inner organs, nerves, joints and blood, written for this project.

The function `illnesses` describes the format of the texts.
"""

from invented.medicine.illness import illnesses

INNER = (
    *illnesses(
        "cardiology",
        """
atrial fibrillation | AF | old
thumping in the chest at rest; poor exercise tolerance; giddy turns; breathlessness on inclines
irregular pulse at 92~138; soft pansystolic murmur at the apex; trace of ankle swelling
ECG: AF with ventricular rate 94~142; TSH 0.7~3.6; K 3.8~4.9; echo: LA mildly dilated, EF 48~60%
apixaban 5 mg @bd; bisoprolol 2.5 mg @od; digoxin 125 micrograms @od; edoxaban 60 mg @od
start a DOAC; aim for a resting rate below 110; request an echo; score CHA2DS2-VASc and ORBIT; discuss rhythm control
chest pain; collapse; focal weakness
atrial flutter; sinus tachycardia with ectopics

heart failure with reduced ejection fraction | HFrEF | old low
orthopnoea; ankle swelling up to mid calf; waking at night short of breath; weight gain of 3~7 kg
JVP 4~7 cm above the sternal angle; bibasal crepitations; pitting oedema to the thighs; displaced apex beat
BNP 640~2900; echo EF 20~38%; creatinine 88~164; CXR: upper lobe diversion and small effusions; Na 128~138
furosemide 40 mg @bd; ramipril 2.5 mg @bd; eplerenone 25 mg @od; dapagliflozin 10 mg @od; carvedilol 6.25 mg @bd
give IV diuretics with a negative balance of 1~2 L per day; weigh every morning; restrict fluid to 1.5 L;\
 refer to the heart failure nurses; repeat U&E in (3|5|7) days
fever; pleuritic pain; palpitations
pneumonia; renal failure with overload

acute coronary syndrome | NSTEMI | old acute
central crushing chest pain for 30~120 minutes; sweating; nausea; pain going into the left arm
clammy skin; fourth heart sound; chest wall not tender
troponin 48~980 rising to 1200~4600; ECG: inferolateral T wave inversion; ECG: 1~2 mm ST depression V4-V6; Hb 121~156
aspirin 300 mg stat then 75 mg @od; ticagrelor 90 mg @bd; fondaparinux 2.5 mg @od; GTN spray @prn
keep on telemetry; arrange coronary angiography within 72 hours; load with dual antiplatelets; start a statin
breathlessness; radiation to the back; previous similar pain
aortic dissection; pericarditis

hypertension | HTN | adult
no symptoms, raised readings at a pharmacy; dull occipital headache; flushed face; blurred vision at times
BP 164/96 to 182/108; heaving apex; silver wiring on fundoscopy
ABPM daytime mean 148/92; ACR 1.1~6.8; eGFR 62~90; ECG: LVH by voltage; cholesterol 4.6~6.9
amlodipine 5 mg @od; indapamide 2.5 mg @od; losartan 50 mg @od; ramipril 5 mg @od
step up treatment; cut salt and alcohol; check U&E two weeks after the dose change; work out the ten year risk
chest pain; ankle swelling; visual loss
white coat effect; primary aldosteronism

aortic stenosis | AS | old
exertional chest tightness; near collapse on hurrying; falling exercise capacity; breathlessness on inclines
ejection systolic murmur radiating to both carotids; slow rising pulse; quiet second heart sound
echo: peak gradient 58~92 mmHg; valve area 0.6~0.9 cm2; LVEF 45~60%; CT calcium score 1800~3900
bisoprolol 1.25 mg @od; atorvastatin 40 mg @on; furosemide 20 mg @od
discuss at the valve meeting; work up for TAVI; avoid vasodilators; repeat echo in six months
ankle swelling; palpitations; haemoptysis
hypertrophic cardiomyopathy; aortic sclerosis
""",
    ),
    *illnesses(
        "respiratory medicine",
        """
exacerbation of COPD | IECOPD | old low acute
more breathless than usual for 3~8 days; thick green phlegm; wheeze; poor sleep from coughing
widespread polyphonic wheeze; use of accessory muscles; hyperinflated chest; reduced air entry
pCO2 5.4~7.9 on the gas; CRP 24~140; CXR: hyperinflation without consolidation; WCC 11.2~17.8
salbutamol 2.5 mg nebulised @qds; prednisolone 30 mg @od; doxycycline 200 mg then 100 mg @od; ipratropium 500 mcg @qds
aim for sats of 88-92%; repeat the gas in one hour; give steroids for five days; offer smoking cessation
chest pain; haemoptysis; leg swelling
pneumonia; pneumothorax

asthma | asthma | young
chest tightness on waking; dry cough after running; reliever used 4~10 times a day; wheeze around dust
end expiratory wheeze; respiratory rate 22~28; full sentences possible
PEFR 190~340, best 410~520; FeNO 38~86; eosinophils 0.5~0.9; spirometry: reversibility of 13~24%
beclometasone/formoterol 100/6 two puffs @bd; salbutamol inhaler @prn; montelukast 10 mg @on; prednisolone 40 mg @od
check inhaler technique; write an asthma action plan; see the asthma nurse in 48 hours; switch to MART
fever; sputum; choking
vocal cord dysfunction; panic with hyperventilation

community acquired pneumonia | CAP | adult hot low acute
rusty sputum; rigors; sharp right sided pain on breathing in; cough for 4~9 days
bronchial breathing at the (left|right) base; dull percussion note; coarse crackles
CRP 138~342; WCC 13.4~22.1; CXR: (left|right) lower lobe consolidation; urea 5.1~9.8; CURB-65 score 1~3
amoxicillin 1 g @tds; clarithromycin 500 mg @bd; co-amoxiclav 1.2 g IV @tds; paracetamol 1 g @qds
send sputum and blood cultures; give oxygen to keep sats above 94%; repeat the film in six weeks;\
 chase legionella antigen
haemoptysis; calf pain; recent travel
pulmonary embolism; exacerbation of heart failure

pulmonary embolism | PE | adult low acute
sudden breathlessness; stabbing chest pain; one episode of blood streaked sputum; swollen calf since a cast
tachycardia of 104~128; pleural rub; tender (left|right) calf 3 cm larger
D-dimer 1450~6800; CTPA: (segmental|lobar) filling defects; ECG: sinus tachycardia with S1Q3T3; troponin 8~46
rivaroxaban 15 mg @bd for 21 days; dalteparin 12,500 units @od; codeine 30 mg @qds
anticoagulate for at least three months; look for a provoking factor; book the PE clinic; echo for right heart strain
fever; wheeze; syncope
pneumonia; pericarditis

pulmonary tuberculosis | TB | adult hot
drenching night sweats; cough for 2~4 months; weight loss of 5~11 kg; blood in the sputum
thin build; apical crackles; palpable cervical nodes
sputum smear: acid fast bacilli ++; CXR: cavity in the (left|right) upper lobe; HIV test negative; IGRA positive
rifampicin/isoniazid 600/300 @od; pyrazinamide 2 g @od; ethambutol 1.1 g @od; pyridoxine 10 mg @od
isolate in a side room; notify public health; check visual acuity before ethambutol; screen household contacts
headache; haematuria; back pain
lung cancer; aspergillosis
""",
    ),
    *illnesses(
        "gastroenterology",
        """
upper GI bleed | UGIB | adult acute
vomiting of dark blood twice; black tarry stools for 2~4 days; faintness; epigastric gnawing
pale conjunctivae; postural drop of 22~35 mmHg; melaena on PR
Hb 68~98; urea 11.2~19.6; INR 1.0~1.6; Glasgow-Blatchford 7~13; OGD: ulcer with visible vessel
pantoprazole 40 mg IV @bd; terlipressin 2 mg @qds; two units of red cells
keep nil by mouth; endoscope within 24 hours; hold NSAIDs and anticoagulants; test for H pylori
weight loss; dysphagia; previous bleeds
variceal bleed; Mallory-Weiss tear

Crohn's disease flare | Crohn's flare | young
loose motions 5~9 times daily; cramping right iliac fossa pain; mouth sores; weight loss
tenderness in the right iliac fossa; aphthous ulcers; perianal tag
faecal calprotectin 640~1850; CRP 28~96; Hb 94~116; MRI: thickened terminal ileum over 14~25 cm; albumin 27~34
prednisolone 40 mg @od; azathioprine 125 mg @od; adalimumab 40 mg fortnightly; budesonide 9 mg @od
send stool cultures; discuss at the IBD meeting; ask the dietitian about exclusive enteral feeding; check TPMT
rectal bleeding; joint pain; eye redness
infective enteritis; appendicitis

decompensated alcoholic cirrhosis | ArLD | adult
increasing abdominal girth; yellow eyes; muddled at night; itching
shifting dullness; liver flap; spider naevi; scleral icterus
bilirubin 64~188; albumin 22~29; platelets 58~110; ascitic tap: neutrophils 80~190; INR 1.5~2.1
spironolactone 100 mg @od; lactulose 20 ml @tds; thiamine 100 mg @bd; rifaximin 550 mg @bd;\
 chlordiazepoxide reducing dose
drain the ascites with albumin cover; restrict salt; refer to alcohol liaison;\
 surveillance ultrasound every six months
haematemesis; fever; abdominal pain
Budd-Chiari syndrome; hepatocellular carcinoma

coeliac disease | coeliac | young
bloating after bread; pale bulky stools; tiredness; itchy blisters on the elbows
angular cheilitis; soft distended abdomen; pallor
anti-tTG 64~180; ferritin 5~11; duodenal biopsy: villous atrophy Marsh 3; vitamin D 18~34; Hb 98~114
ferrous fumarate 210 mg @od; colecalciferol 800 units @od; gluten free foods on prescription
see the dietitian; adhere to a strict gluten free diet; repeat tTG in 6~12 months; arrange a DEXA scan
blood in stool; vomiting; night sweats
irritable bowel syndrome; giardiasis

acute pancreatitis | pancreatitis | adult acute
severe epigastric pain through to the back; repeated vomiting; relief on leaning forward; sweating
guarding in the epigastrium; absent bowel sounds; dry mucous membranes
amylase 840~2600; CRP 110~280; USS: gallstones with dilated duct; calcium 1.98~2.24; lactate 1.4~3.2
Hartmann's 250 ml per hour; morphine 5 mg IV @prn; cyclizine 50 mg @tds; paracetamol 1 g @qds
score severity daily; hourly urine output; arrange MRCP; cholecystectomy on the same admission
diarrhoea; jaundice; fever
perforated ulcer; mesenteric ischaemia

irritable bowel syndrome | IBS | young
bloating by evening; crampy pain relieved by opening bowels; alternating habit; mucus per rectum
soft abdomen with mild left sided tenderness; normal PR; scaphoid belly
calprotectin 12~44; coeliac serology negative; FBC normal; CRP below 5
mebeverine 135 mg @tds; peppermint oil capsules @tds; loperamide 2 mg @prn; amitriptyline 10 mg @on
try a low FODMAP diet; keep a bowel diary; explain the gut-brain link; refer for gut directed hypnotherapy
weight loss; bleeding; nocturnal symptoms
coeliac disease; bile acid malabsorption
""",
    ),
    *illnesses(
        "renal medicine",
        """
acute kidney injury | AKI | old acute
passing little urine for 2 days; vomiting and diarrhoea; light-headedness; poor oral intake
dry tongue; reduced skin turgor; impalpable bladder
creatinine 212~460 from a baseline of 84~110; K 5.3~6.6; USS: no hydronephrosis; urine dip: bland; bicarbonate 14~20
0.9% saline 1 L over 4 hours; calcium gluconate 30 ml IV; insulin 10 units in dextrose
stop ramipril and metformin; catheterise and chart hourly output; recheck potassium in two hours;\
 call the renal registrar
haematuria; loin pain; breathlessness
obstructive uropathy; vasculitis

chronic kidney disease stage 4 | CKD4 | old
tiredness; itching; nocturia; restless legs
sallow skin; mild ankle oedema; BP 148/84
eGFR 17~27; Hb 92~106; PTH 18~41; ACR 70~190; phosphate 1.5~2.1
sevelamer 800 mg @tds; darbepoetin 30 micrograms weekly; alfacalcidol 0.25 micrograms @od; sodium bicarbonate 1 g @tds
talk through dialysis and transplant options; save the non-dominant arm for a fistula; give iron infusion;\
 vaccinate for hepatitis B
chest pain; nausea; confusion
renovascular disease; myeloma kidney

nephrotic syndrome | nephrotic | young
puffy face in the mornings; frothy urine; weight gain of 6~10 kg; swollen legs
periorbital puffiness; pitting to the sacrum; white nails
urine PCR 640~1150; albumin 14~22; cholesterol 8.2~11.4; renal biopsy: minimal change; complement normal
prednisolone 60 mg @od; furosemide 80 mg @bd; enoxaparin 40 mg @od; lisinopril 5 mg @od
arrange a renal biopsy; restrict salt; daily weight; prophylaxis against clots while albumin is low
rash; joint pain; visible haematuria
membranous nephropathy; amyloid
""",
    ),
    *illnesses(
        "endocrinology",
        """
type 2 diabetes | T2DM | adult
thirst; passing urine at night; thrush; numb toes
BMI 31~39; absent ankle reflexes; intact pedal pulses
HbA1c 68~104; ACR 2.4~14; cholesterol 4.9~6.3; eGFR 58~88; fundus photo: background retinopathy
metformin 1 g @bd; gliclazide 80 mg @bd; empagliflozin 10 mg @od; semaglutide 0.5 mg weekly;\
 insulin glargine 18 units @on
book structured education; book retinal screening; foot check by podiatry; repeat HbA1c in three months
hypos; weight loss; chest pain
steroid induced hyperglycaemia; LADA

diabetic ketoacidosis | DKA | young acute
vomiting since yesterday; abdominal pain; great thirst; missed insulin doses
deep sighing respiration; sweet smelling breath; dry mouth
pH 6.98~7.18; ketones 4.8~6.9; glucose 24~38; bicarbonate 6~13; K 4.1~5.8
fixed rate insulin 0.1 units/kg/h; 0.9% saline with KCl 40 mmol; insulin glargine 20 units @od
follow the DKA pathway; hourly ketones and glucose; look for infection; diabetes nurse before discharge
cough; dysuria; headache
gastroenteritis; pancreatitis

thyrotoxicosis | Graves | woman young
weight loss despite hunger; tremor; heat intolerance; gritty eyes
fine tremor; smooth goitre with bruit; lid lag; warm palms
TSH below 0.01; free T4 38~64; TRAb 6~21; neutrophils 3.1~5.2
carbimazole 20 mg @od; propranolol 40 mg @tds; carbomer eye drops @qds
warn about sore throat on carbimazole; repeat bloods in four weeks; refer to thyroid eye clinic; discuss radioiodine
palpitations; neck pain; double vision
thyroiditis; anxiety

hypothyroidism | hypothyroid | woman
feeling cold; constipation; dry hair; slowed thinking
slow relaxing reflexes; puffy eyelids; pulse of 52~58
TSH 14~68; free T4 4.8~8.9; TPO antibodies above 600; cholesterol 6.4~8.1
levothyroxine 50 micrograms @od; levothyroxine 100 micrograms @od; ferrous sulphate 200 mg @od
take tablets on an empty stomach; repeat TSH in 6~8 weeks; separate from iron; annual bloods once stable
chest pain; goitre; galactorrhoea
depression; anaemia

Addison's disease | Addison's | adult
salt craving; fainting on rising; darkening of the skin; weight loss
pigmented creases and gums; BP 92/58; lean frame
9 am cortisol 48~110; short Synacthen peak 130~280; Na 121~130; K 5.2~5.9; ACTH 180~410
hydrocortisone 10 mg mornings and 5 mg twice later; fludrocortisone 100 micrograms @od;\
 emergency hydrocortisone 100 mg IM kit
teach sick day rules; issue a steroid card; train the family in IM injection; check adrenal antibodies
fever; diarrhoea; headache
hypopituitarism; tuberculosis
""",
    ),
    *illnesses(
        "neurology",
        """
ischaemic stroke | CVA | old acute
sudden weakness of the (left|right) side; slurred words; facial droop; unsteady gait
power 2/5 in the arm; upgoing plantar; homonymous field loss; NIHSS 6~17
CT head: early loss of grey-white definition; CTA: M1 occlusion; glucose 5.8~9.4; carotid doppler: 50~70% stenosis
alteplase by weight; aspirin 300 mg @od; clopidogrel 75 mg @od; atorvastatin 80 mg @on
admit to the stroke unit; swallow screen before feeding; hold antihypertensives; call thrombectomy centre
headache; seizure; loss of consciousness
Todd's paresis; functional weakness

migraine | migraine | young woman
pounding one sided headache; shimmering spots beforehand; vomiting; dislike of light
normal fundi; no neck stiffness; tender scalp
MRI brain: no structural lesion; ESR 6~14; headache diary: 9~16 days a month
rizatriptan 10 mg @prn; propranolol 40 mg @bd; topiramate 25 mg @on; naproxen 500 mg @prn; candesartan 8 mg @od
limit analgesia to two days a week; start a preventer; avoid missed meals; stop the combined pill
thunderclap onset; weakness; fever
medication overuse headache; cluster headache

epilepsy | epilepsy | young
jerking of all limbs for 2~4 minutes; bitten tongue; confusion afterwards; a rising feeling before attacks
lateral tongue laceration; no focal deficit; grazed elbow
EEG: generalised spike and wave; MRI brain: normal; lactate 3.6~7.1 on arrival; prolactin raised; Na 138~142
levetiracetam 500 mg @bd; lamotrigine 75 mg @bd; buccal midazolam 10 mg @prn; sodium valproate 600 mg @bd
stop driving and tell the licensing agency; shower with the door unlocked; titrate the dose weekly;\
 ask the epilepsy nurse to call
chest pain before; headache; drug use
vasovagal syncope; dissociative attacks

multiple sclerosis | RRMS | young woman
numb band around the trunk; painful loss of vision in one eye; leg heaviness; urgency
relative afferent pupil defect; brisk knee jerks; sensory level at T6; impaired tandem walk
MRI: 8~20 periventricular lesions, 2 enhancing; CSF: oligoclonal bands; B12 290~410; VEP delayed
methylprednisolone 500 mg @od for 5 days; dimethyl fumarate 240 mg @bd; baclofen 10 mg @tds;\
 natalizumab 300 mg monthly
refer to the MS nurse; discuss disease modifying therapy; physio for gait; check bladder residual
fever; rash; headache
neuromyelitis optica; B12 deficiency

Parkinson's disease | PD | old
slowness doing up buttons; shuffling steps; quiet voice; tremor at rest
pill rolling tremor; reduced arm swing; cogwheel tone; masked expression
DaT scan: reduced putaminal uptake; lying BP 142/78 and standing 118/66; MoCA 22~27
co-careldopa 25/100 @tds; rasagiline 1 mg @od; rotigotine patch 4 mg @od; macrogol one sachet @od
give medication on time; refer to speech therapy; review falls risk; ask about impulse control
hallucinations; early falls; incontinence
essential tremor; vascular parkinsonism

Guillain-Barre syndrome | GBS | adult acute
tingling feet rising over 4~9 days; legs giving way; back ache; diarrhoea three weeks ago
absent reflexes; power 3/5 at the hips; mild facial weakness
CSF protein 1.1~2.4 with 2 cells; vital capacity 1.9~3.2 L; nerve conduction: demyelination; anti-GM1 positive
IV immunoglobulin 0.4 g/kg for 5 days; enoxaparin 40 mg @od; gabapentin 300 mg @tds
measure vital capacity every four hours; cardiac monitor; alert critical care; daily physio
sphincter trouble; neck pain; double vision
cord compression; botulism
""",
    ),
    *illnesses(
        "rheumatology",
        """
rheumatoid arthritis | RA | woman
swollen knuckles; stiffness for two hours after waking; tired out by noon; painful balls of the feet
boggy MCPs 2 to 4; squeeze test positive; rheumatoid nodule at the elbow
anti-CCP above 300; CRP 22~64; DAS28 4.9~6.4; X-ray hands: marginal erosions
methotrexate 15 mg weekly; folic acid 5 mg weekly; hydroxychloroquine 200 mg @bd; sulfasalazine 1 g @bd;\
 etanercept 50 mg weekly
monitor FBC and LFTs; give IM depomedrone 120 mg; hand therapy; apply for a biologic
rash; dry eyes; back pain
psoriatic arthritis; parvovirus arthritis

gout | gout | man acute
agonising big toe overnight; unable to bear a bedsheet; two attacks this year; swollen ankle
red hot first MTP joint; tophus on the ear; tender swollen ankle
urate 486~640; joint fluid: negatively birefringent crystals; CRP 34~90; eGFR 54~82
colchicine 500 micrograms @bd; allopurinol 100 mg @od; naproxen 500 mg @bd; prednisolone 30 mg @od
treat to urate below 300; cut beer and shellfish; start allopurinol under colchicine cover; stop bendroflumethiazide
fever; trauma; wound
septic arthritis; cellulitis

giant cell arteritis | GCA | old woman
new temple headache; jaw ache on chewing; sore scalp when combing; stiff shoulders
thickened pulseless temporal artery; scalp tenderness; normal discs
ESR 68~112; CRP 54~130; temporal artery ultrasound: halo sign; platelets 440~610
prednisolone 60 mg @od; alendronic acid 70 mg weekly; omeprazole 20 mg @od; tocilizumab 162 mg weekly
same day steroids; temporal artery biopsy; ophthalmology if vision changes; taper over 12~18 months
visual loss; fever; cough
shingles; cervicogenic headache

systemic lupus | SLE | young woman
butterfly rash after sun; aching hands; hair loss; mouth ulcers
malar erythema; synovitis of the wrists; livedo on the thighs
ANA 1:1280; dsDNA 140~420; C3 0.4~0.7; urine PCR 24~180; lymphocytes 0.6~0.9
hydroxychloroquine 200 mg @bd; mycophenolate 1 g @bd; prednisolone 10 mg @od; factor 50 sunscreen
check urine at each visit; rheumatology nurse line; avoid oestrogen pills; ask renal to see
chest pain; seizures; miscarriage
rosacea; viral exanthem
""",
    ),
    *illnesses(
        "haematology",
        """
iron deficiency anaemia | IDA | adult
tired all the time; craving for ice; breathless on hills; hair thinning
pale nail beds; koilonychia; smooth tongue
Hb 74~102; MCV 66~76; ferritin 3~9; coeliac screen negative; FIT 4~62
ferrous sulphate 200 mg @od; ferric carboxymaltose 1 g IV; vitamin C 250 mg @od
book gastroscopy and colonoscopy; recheck Hb in four weeks; continue iron for three months after correction;\
 review aspirin
weight loss; change of bowel habit; jaundice
thalassaemia trait; anaemia of chronic disease

deep vein thrombosis | DVT | adult acute
swollen tight calf for 3 days; aching on standing; warmth of the leg; recent long haul flight
(left|right) calf 4 cm larger; pitting of the shin; tender deep veins
doppler: thrombus in the popliteal vein; D-dimer 1200~5400; Wells score 3; platelets 190~340
apixaban 10 mg @bd for 7 days then 5 mg @bd; dalteparin 15,000 units @od; compression stocking
anticoagulate three months; basic cancer screen; elevate when sitting; encourage walking
chest pain; fever; injury
ruptured Baker's cyst; cellulitis

chronic lymphocytic leukaemia | CLL | old
an abnormal routine blood count; night sweats; lumps in the neck; repeated chest infections
rubbery nodes in both axillae; spleen 3 cm below the ribs; no bruising
lymphocytes 28~96; smear: smudge cells; FISH: del 13q; IgG 3.1~5.4; Hb 104~132
acalabrutinib 100 mg @bd; aciclovir 400 mg @bd; immunoglobulin replacement monthly
watch and wait with counts every 3~6 months; pneumococcal vaccine; urgent review if sweats or weight loss;\
 discuss at MDT
weight loss; bleeding; itching
mantle cell lymphoma; reactive lymphocytosis

sickle cell crisis | VOC | young acute
severe pain in both thighs; back pain since last night; fever; chest discomfort
tender femora; jaundiced sclerae; clear chest
Hb 68~84; reticulocytes 8~16%; HbS 82~90%; CXR: clear; LDH 480~760
morphine PCA; paracetamol 1 g @qds; hydroxycarbamide 1 g @od; penicillin V 250 mg @bd; folic acid 5 mg @od
analgesia within 30 minutes; incentive spirometry; keep warm and hydrated; watch for chest syndrome
cough; priapism; weakness
osteomyelitis; pulmonary embolism
""",
    ),
)
