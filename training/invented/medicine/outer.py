"""Illnesses of skin, senses, women, children, mind and urinary tract, and infections, written for this project.

The function `illnesses` describes the format of the texts.
"""

from invented.medicine.illness import illnesses

OUTER = (
    *illnesses(
        "infectious diseases",
        """
malaria | malaria | adult hot acute
swinging fevers after a trip abroad; shaking chills; dark urine; muscle aches
palpable spleen tip; jaundice; no rash
blood film: P falciparum 1~4%; platelets 48~96; lactate 1.6~3.8; Hb 88~118; bilirubin 28~60
IV artesunate 2.4 mg/kg; artemether-lumefantrine 4 tablets @bd; paracetamol 1 g @qds
repeat films daily; check glucose four hourly; discuss with the tropical team; notify the health protection unit
neck stiffness; cough; diarrhoea
dengue; typhoid

cellulitis | cellulitis | adult hot acute
spreading redness of the shin; heat and throbbing; shivering; cracked skin between the toes
tender erythema to below the knee; marked border; tinea of the web spaces
CRP 64~190; WCC 12.8~18.4; wound swab: Staph aureus; glucose 5.2~11.4
flucloxacillin 1 g @qds; clarithromycin 500 mg @bd; ibuprofen 400 mg @tds; terbinafine cream @bd
draw around the margin; elevate the leg; switch to oral after 48 hours; exclude a clot
calf swelling; bite; joint pain
venous eczema; necrotising fasciitis

infectious mononucleosis | EBV | young hot acute
sore throat for 6~10 days; exhaustion; swollen neck glands; poor appetite
exudate on large tonsils; posterior cervical nodes; palpable spleen
monospot positive; ALT 80~240; atypical lymphocytes on film; CRP 12~38
paracetamol 1 g @qds; ibuprofen 400 mg @tds; benzydamine spray @prn
avoid contact sport for a month; no amoxicillin; plenty of fluids; return if unable to swallow
drooling; rash; neck stiffness
streptococcal tonsillitis; acute HIV

HIV infection | HIV | adult
a positive routine test; recurrent shingles; oral thrush; weight loss
white plaques on the palate; generalised small nodes; seborrhoeic rash
CD4 140~380; viral load 42,000~260,000; hepatitis B immune; resistance test: wild type
bictegravir/emtricitabine/TAF one tablet @od; co-trimoxazole 480 mg @od; fluconazole 50 mg @od
start treatment this week; offer partner notification; repeat viral load in 4 weeks; meet the peer supporter
headache; visual change; cough
lymphoma; diabetes
""",
    ),
    *illnesses(
        "dermatology",
        """
atopic eczema | eczema | child
itching at night; cracked elbow creases; weeping patches; sleep loss
lichenified flexures; excoriations; golden crust behind the knees
skin swab: Staph aureus; IgE 420~1900; patch test negative
hydrocortisone 1% cream @bd; betamethasone valerate 0.1% ointment @od; emollient 500 g; chlorphenamine 2 mg @on
apply emollient often and instead of soap; short steroid burst; wet wraps at night; review by the eczema nurse
fever; wheeze; food reactions
scabies; psoriasis

plaque psoriasis | psoriasis | adult
scaly elbows; itchy scalp; flare after a sore throat; embarrassment at the pool
well defined silvery plaques; nail pitting; PASI 8~17
LFT normal; QuantiFERON negative; fasting lipids 4.8~6.6
calcipotriol/betamethasone gel @od; coal tar shampoo; methotrexate 12.5 mg weekly; adalimumab 40 mg fortnightly
refer for narrowband UVB; screen for joint pain; cut alcohol; measure DLQI again in 12 weeks
joint swelling; fever; eye redness
discoid eczema; tinea corporis

melanoma | melanoma | adult
mole on the calf that changed over 3~6 months; bleeding after a knock; itching of the mole
asymmetrical 9~14 mm pigmented lesion; irregular border; no groin nodes
histology: superficial spreading, Breslow 0.9~2.8 mm; sentinel node negative; LDH 180~220
excision with a 2 mm margin; pembrolizumab 400 mg six weekly; factor 50 sunscreen
wide local excision; photograph the skin; discuss at skin MDT; teach self examination
weight loss; headache; cough
dysplastic naevus; seborrhoeic keratosis
""",
    ),
    *illnesses(
        "ear, nose and throat",
        """
acute otitis media | AOM | child hot acute
tugging at the (left|right) ear; crying at night; runny nose; off food
bulging red drum; pink throat; no mastoid swelling
tympanogram flat; temperature settled by day 3; ear swab not sent
paracetamol 250 mg @qds; amoxicillin 250 mg @tds; ibuprofen 100 mg @tds
wait 48 hours before antibiotics; keep the ear dry; hearing check in six weeks; come back if swelling behind the ear
discharge; rash; neck stiffness
teething; otitis externa

benign positional vertigo | BPPV | adult acute
spinning on rolling over in bed; nausea; unsteadiness in the morning; spells under a minute
Dix-Hallpike positive on the (left|right); torsional nystagmus; normal gait
audiogram: symmetrical; head impulse test normal; lying and standing BP equal
prochlorperazine 5 mg @tds; betahistine 16 mg @tds; cinnarizine 15 mg @tds
perform an Epley manoeuvre; show Brandt-Daroff exercises; avoid ladders; stop prochlorperazine after a week
deafness; tinnitus; headache
vestibular neuritis; posterior circulation stroke

chronic rhinosinusitis | CRS | adult
blocked nose for 4~8 months; facial pressure; lost sense of smell; catarrh
bilateral grade 2 polyps; deviated septum; mucopus in the middle meatus
CT sinuses: Lund-Mackay 11~18; skin prick: house dust mite; SNOT-22 41~66
mometasone nasal spray @od; saline rinses @bd; doxycycline 100 mg @od; prednisolone 25 mg @od for 7 days
correct the spray technique; list for endoscopic sinus surgery; allergen avoidance; repeat score after three months
nosebleeds; eye swelling; toothache
allergic rhinitis; dental sinusitis
""",
    ),
    *illnesses(
        "ophthalmology",
        """
acute angle closure glaucoma | AACG | old acute
severe (left|right) eye pain; haloes around lamps; vomiting; blurred vision since evening
fixed mid-dilated pupil; hazy cornea; red eye
IOP 46~62 mmHg; acuity 6/36 to counting fingers; gonioscopy: closed angle
acetazolamide 500 mg IV; timolol 0.5% drops @bd; pilocarpine 2% drops @qds; latanoprost drops @on
laser iridotomy to both eyes; check pressure hourly; lie flat; warn about antihistamines
trauma; discharge; contact lens wear
anterior uveitis; migraine

cataract | cataract | old
misty sight; glare from headlamps; frequent changes of glasses; trouble reading labels
nuclear sclerosis; acuity 6/18 to 6/24; normal discs
biometry: lens 20.5~23.0 D; IOP 13~18 mmHg; OCT macula flat
dexamethasone drops @qds; chloramphenicol drops @qds; lubricant drops @prn
list for phacoemulsification under drops; explain risks of surgery; continue tamsulosin but tell the surgeon;\
 new refraction at six weeks
eye pain; floaters; flashes
macular degeneration; diabetic maculopathy
""",
    ),
    *illnesses(
        "gynaecology",
        """
endometriosis | endometriosis | woman young
period pain since the teens; deep pain with intercourse; pain opening bowels at menses; fatigue
tender uterosacral nodules; retroverted fixed uterus; adnexal fullness
transvaginal scan: 4~6 cm endometrioma; CA-125 38~96; laparoscopy: stage 3 disease
naproxen 500 mg @bd; desogestrel 75 micrograms @od; levonorgestrel coil; goserelin 3.6 mg monthly
list for laparoscopic excision; pelvic physio; discuss fertility wishes; pain clinic referral
fever; discharge; haematuria
adenomyosis; pelvic inflammatory disease

heavy menstrual bleeding from fibroids | HMB | woman
flooding for 5~8 days; clots; pressure on the bladder; tiredness
bulky 14 week uterus; pale conjunctivae; smooth mobile mass
USS: 6~9 cm intramural fibroid; Hb 84~108; ferritin 4~12; endometrium 7~11 mm
tranexamic acid 1 g @tds; mefenamic acid 500 mg @tds; ferrous fumarate 210 mg @bd; ulipristal 5 mg @od
pipelle biopsy; offer embolisation or myomectomy; recheck Hb in a month; leaflet about hysterectomy
weight loss; postcoital bleeding; hot flushes
endometrial polyp; thyroid disease

ectopic pregnancy | ectopic | woman young acute
pain in the (left|right) iliac fossa; spotting; shoulder tip discomfort; six weeks since last period
cervical excitation; tender adnexa; guarding
beta-hCG 1900~5600; transvaginal scan: empty uterus with adnexal mass; Hb 108~124; free fluid in the pouch of Douglas
methotrexate 50 mg/m2 IM; anti-D 250 units; codeine 30 mg @prn
theatre for laparoscopic salpingectomy; cross-match two units; repeat hCG in 48 hours; offer counselling
fever; vomiting; dysuria
threatened miscarriage; appendicitis
""",
    ),
    *illnesses(
        "obstetrics",
        """
pre-eclampsia | PET | woman young acute
frontal headache at 33~37 weeks; flashing lights; swollen hands; pain under the ribs
BP 158/104; hyperreflexia with two beats of clonus; fundal height appropriate
PCR 58~240; platelets 98~146; ALT 42~118; CTG: normal baseline and variability; urate 0.38~0.49
labetalol 200 mg @tds; nifedipine MR 20 mg @bd; magnesium sulphate 4 g IV; betamethasone 12 mg IM
admit to the antenatal ward; four hourly BP; growth scan with dopplers; plan birth by 37 weeks
vaginal bleeding; reduced movements; fits
gestational hypertension; cholestasis

gestational diabetes | GDM | woman young
a positive screening at 26~28 weeks; thirst; large for dates bump; previous 4.4 kg baby
fundal height 2~4 cm ahead; BMI 31~38; cephalic baby
OGTT: fasting 5.4~6.3; OGTT: two hour 8.6~11.2; growth scan: 91st to 97th centile
metformin 500 mg @bd; insulin detemir 8 units @on; folic acid 400 micrograms @od
check glucose four times a day; see the diabetes midwife weekly; scan every four weeks;\
 fasting glucose six weeks after birth
bleeding; contractions; visual disturbance
pre-existing diabetes; polyhydramnios

postpartum haemorrhage | PPH | woman young acute
brisk bleeding after delivery; passing clots; feeling faint; prolonged labour
boggy uterus; complete placenta; second degree tear
measured loss 1100~2200 ml; Hb 72~94; fibrinogen 1.8~3.1; lactate 2.1~4.0
oxytocin 40 units in 500 ml; ergometrine 500 micrograms IM; tranexamic acid 1 g IV; carboprost 250 micrograms IM
rub up a contraction; Bakri balloon in theatre; iron on discharge; debrief with the consultant
fever; headache; breathlessness
retained placenta; coagulopathy
""",
    ),
    *illnesses(
        "paediatrics",
        """
bronchiolitis | bronchiolitis | baby low acute
snuffles for 3 days; fast breathing; taking half of feeds; wet cough
subcostal recession; fine crackles throughout; nasal flaring
NPA: RSV positive; capillary gas pCO2 5.8~7.4; CXR not done
nasal cannula oxygen; nasogastric feeds at two thirds; saline nose drops @prn
minimal handling; suction before feeds; fluids by tube; home when sats above 92% in air and feeding three quarters
apnoea; fever above 39; vomiting
viral wheeze; cardiac failure

gastroenteritis | D&V | child acute
vomiting since nursery yesterday; 6~10 watery stools; refusing drinks; dry nappies
mildly sunken eyes; capillary refill 2 seconds; soft tummy
stool PCR: rotavirus; glucose 3.6~5.1; ketones 1.2~3.0; Na 134~146
oral rehydration solution 5 ml every 5 minutes; ondansetron 2 mg once; paracetamol 180 mg @prn
fluid challenge and observe; keep off nursery for 48 hours; no fruit juice; open access for two days
blood in stool; bile; headache
urinary infection; intussusception

croup | croup | child acute
barking cough at midnight; hoarse voice; noisy breathing in; runny nose
stridor when upset; mild recession; pink and alert
Westley score 2~5; throat not examined; sats in air 95~98
dexamethasone 0.15 mg/kg once; nebulised adrenaline 5 ml; paracetamol 15 mg/kg @prn
observe for two hours after steroid; keep calm on the parent's lap; second dose to take home;\
 return if stridor at rest
drooling; choking; rash
foreign body; epiglottitis

febrile convulsion | febrile fit | child hot acute
shaking of all four limbs for 2~4 minutes; high temperature today; sleepy afterwards; cold for two days
red throat; moving all limbs; no meningism
glucose 5.2~7.1; urine dip clear; CRP 8~36
paracetamol 15 mg/kg @qds; ibuprofen 7.5 mg/kg @tds; buccal midazolam 5 mg @prn
observe until back to self; teach parents first aid; give written leaflet; no EEG needed
previous fits; head injury; rash
meningitis; breath holding attack
""",
    ),
    *illnesses(
        "psychiatry",
        """
major depression | MDD | adult
low mood for 3~7 months; waking at 4 am; no pleasure in anything; poor concentration; guilt
poor eye contact; slowed speech; tearful affect
PHQ-9 17~24; TSH 1.2~2.9; HbA1c 34~39; Hb 124~148
sertraline 50 mg @od; mirtazapine 15 mg @on; venlafaxine 75 mg @od; zopiclone 3.75 mg @on
agree a safety plan; refer for CBT; see again in two weeks; give crisis numbers; sick note for four weeks
suicidal plans; hallucinations; elation
bipolar disorder; hypothyroidism

schizophrenia | schizophrenia | young man
voices commenting; belief of being watched; withdrawal from friends; stopped depot two months ago
guarded manner; thought disorder; unkempt dress
urine drug screen negative; prolactin 280~740; QTc 402~438; lipids 4.1~5.8
olanzapine 10 mg @on; paliperidone 100 mg monthly; aripiprazole 15 mg @od; procyclidine 5 mg @prn
home treatment team daily; physical health check; family work; mental health act assessment if refusing
self harm thoughts; substance use; low mood
drug induced psychosis; bipolar mania

generalised anxiety | GAD | adult
worry most days; tense shoulders; poor sleep; racing thoughts; butterflies
restless hands; sweaty palms; fair rapport
GAD-7 14~20; TSH normal; ECG sinus rhythm
sertraline 25 mg @od; propranolol 10 mg @prn; pregabalin 75 mg @bd; duloxetine 30 mg @od
self-referral for talking therapy; cut caffeine; breathing exercises; review in three weeks
suicidal thoughts; weight loss; chest pain
thyrotoxicosis; alcohol withdrawal
""",
    ),
    *illnesses(
        "urology",
        """
renal colic | stone | man acute
waves of (left|right) loin pain into the groin; vomiting; pacing about; pink urine
tender renal angle; soft abdomen; normal testes
CT KUB: 5~8 mm ureteric stone; urine dip: blood +++; creatinine 92~128; calcium 2.3~2.5
diclofenac 100 mg PR; tamsulosin 400 micrograms @od; morphine 10 mg IM; ondansetron 4 mg @prn
sieve the urine; stone clinic in two weeks; ureteroscopy if not passed; drink three litres a day
fever; testicular pain; diarrhoea
pyelonephritis; leaking aneurysm

benign prostatic enlargement | BPE | old man
poor stream; getting up 3~5 times; dribbling; hesitancy
smooth moderately enlarged gland; bladder not palpable; lax anal tone excluded
PSA 2.1~5.4; flow rate 7~11 ml/s; residual 90~240 ml; IPSS 17~25
tamsulosin 400 micrograms @od; finasteride 5 mg @od; solifenacin 5 mg @od
frequency volume chart; cut evening fluids; discuss TURP; repeat PSA in six months
haematuria; bone pain; weight loss
prostate cancer; urethral stricture

pyelonephritis | pyelo | woman young hot acute
(left|right) flank pain; burning urine; rigors; nausea
renal angle tenderness; flushed face; suprapubic tenderness
MSU: E coli above 100,000; CRP 98~240; WCC 13.6~19.8; pregnancy test negative
cefalexin 1 g @tds; gentamicin 320 mg IV @od; paracetamol 1 g @qds; ciprofloxacin 500 mg @bd
send urine and cultures; renal ultrasound; oral switch when afebrile; complete 7~10 days
vaginal discharge; cough; haematuria
ureteric stone; pelvic infection
""",
    ),
)
