"""Dictionaries of conditions, symptoms, medications, habits and occupations, as text.

In all dictionaries except `OCCUPATIONS`, an entry is `value`, or `value: name; name` with further names of the value.
An entry ends at ` | ` or at a line break; a backslash before the line break continues the entry in the next line. The
value of a condition, symptom or medication is its main name. The value of a habit is a status, such as `current`, and
is not searched for in texts. `OCCUPATIONS` is a list of names separated by semicolons; line breaks count as spaces.

Names match words in any letter case, but a name with several capitals, such as COPD, matches only words that consist
mostly of capitals.
"""

CONDITIONS = """
type 1 diabetes: type i diabetes; diabetes type 1; insulin dependent diabetes; T1DM; DM1; IDDM
type 2 diabetes: type ii diabetes; diabetes type 2; adult onset diabetes; T2DM; DM2; NIDDM
diabetes: diabetes mellitus; diabetic; DM | prediabetes: pre diabetes; impaired glucose tolerance; borderline diabetes
hypertension: high blood pressure; essential hypertension; arterial hypertension; hypertensive; HTN
hyperlipidemia: hyperlipidaemia; high cholesterol; hypercholesterolemia; hypercholesterolaemia; dyslipidemia; \
dyslipidaemia; HLD
coronary artery disease: coronary heart disease; ischemic heart disease; ischaemic heart disease; CAD; IHD
heart attack: myocardial infarction; STEMI; NSTEMI | angina: angina pectoris; stable angina
heart failure: congestive heart failure; cardiac failure; CHF; HFrEF; HFpEF
atrial fibrillation: afib; a fib; paroxysmal atrial fibrillation | supraventricular tachycardia: SVT
cardiomyopathy: dilated cardiomyopathy; hypertrophic cardiomyopathy
peripheral artery disease: peripheral arterial disease; peripheral vascular disease; claudication; PAD; PVD
deep vein thrombosis: deep venous thrombosis; DVT | pulmonary embolism: pulmonary embolus
stroke: cerebrovascular accident; CVA | transient ischemic attack: transient ischaemic attack; mini stroke; TIA
aneurysm: aortic aneurysm; AAA | asthma: asthmatic; bronchial asthma
chronic obstructive pulmonary disease: COPD; emphysema; chronic bronchitis
pulmonary fibrosis: interstitial lung disease; ILD
sleep apnea: sleep apnoea; obstructive sleep apnea; obstructive sleep apnoea; OSA | tuberculosis: latent tuberculosis
chronic kidney disease: chronic renal failure; chronic renal insufficiency; CKD
end stage renal disease: end stage kidney disease; ESRD; on dialysis; hemodialysis; haemodialysis
kidney stones: kidney stone; nephrolithiasis; renal calculi; renal stones
polycystic kidney disease: polycystic kidneys
benign prostatic hyperplasia: enlarged prostate; prostatic hypertrophy; BPH
gastroesophageal reflux disease: gastro oesophageal reflux disease; acid reflux; reflux disease; GERD; GORD
peptic ulcer: stomach ulcer; gastric ulcer; duodenal ulcer; peptic ulcer disease
barrett's esophagus: barrett's oesophagus | crohn's disease: crohn disease; crohn's | inflammatory bowel disease: IBD
irritable bowel syndrome: IBS | celiac disease: coeliac disease | diverticulosis: diverticular disease; diverticulitis
gallstones: cholelithiasis; gallstone | cirrhosis: liver cirrhosis; cirrhotic
fatty liver: fatty liver disease; NAFLD; NASH | pancreatitis: chronic pancreatitis
hypothyroidism: underactive thyroid; hypothyroid; hashimoto's thyroiditis
hyperthyroidism: overactive thyroid; thyrotoxicosis; graves disease; graves's disease
adrenal insufficiency: addison's disease | polycystic ovary syndrome: polycystic ovarian syndrome; PCOS
menopause: postmenopausal; perimenopausal | obesity: obese; morbid obesity
hyperparathyroidism: primary hyperparathyroidism | frozen shoulder: adhesive capsulitis
rotator cuff tear: torn rotator cuff | gout: gouty arthritis | osteoarthritis: degenerative joint disease; DJD
lupus: systemic lupus erythematosus; SLE | spinal stenosis: lumbar stenosis
herniated disc: disc herniation; slipped disc; herniated disk | migraine: migraine with aura; chronic migraine
epilepsy: seizure disorder | parkinson's disease: parkinson disease; parkinsonism
alzheimer's disease: alzheimer disease; alzheimer's | neuropathy: peripheral neuropathy; polyneuropathy
restless legs syndrome: restless leg syndrome
depression: major depression; major depressive disorder; depressive disorder; MDD
anxiety disorder: generalized anxiety disorder; generalised anxiety disorder; GAD; panic disorder
bipolar disorder: bipolar | post traumatic stress disorder: PTSD
attention deficit hyperactivity disorder: ADHD; attention deficit disorder
autism: autistic; autism spectrum disorder | eczema: atopic dermatitis
allergic rhinitis: hay fever; seasonal allergies; seasonal allergy; environmental allergies
hearing loss: hard of hearing; hearing impairment
anemia: anaemia; iron deficiency anemia; iron deficiency anaemia; anemic; anaemic | hemophilia: haemophilia
leukemia: leukaemia; CLL; CML | lymphoma: hodgkin's lymphoma; non hodgkin's lymphoma
breast cancer: carcinoma of the breast | prostate cancer: carcinoma of the prostate
colon cancer: colorectal cancer; bowel cancer | skin cancer: basal cell carcinoma
kidney cancer: renal cell carcinoma | cancer: malignancy; carcinoma | hiv: HIV; human immunodeficiency virus; AIDS
varicose veins: venous insufficiency | chronic pain: chronic pain syndrome | gestational diabetes
diabetic neuropathy | diabetic retinopathy | atrial flutter | aortic stenosis | mitral regurgitation | bronchiectasis
sarcoidosis | cystic fibrosis | pulmonary hypertension | overactive bladder | ulcerative colitis | hepatitis b
hepatitis c | endometriosis | autoimmune hepatitis | mild cognitive impairment | plantar fasciitis
rheumatoid arthritis | psoriatic arthritis | ankylosing spondylitis | arthritis | osteoporosis | osteopenia
fibromyalgia | scoliosis | sciatica | avascular necrosis | carpal tunnel syndrome | dementia | multiple sclerosis
essential tremor | schizophrenia | psoriasis | rosacea | acne | chronic sinusitis | glaucoma | cataract
macular degeneration | tinnitus | sickle cell disease | thrombocytopenia | multiple myeloma | lung cancer | melanoma
thyroid cancer | bladder cancer | pancreatic cancer | ovarian cancer | chronic fatigue syndrome
"""
SYMPTOMS = """
chest pain: chest discomfort; chest tightness; chest pressure; pain in the chest; pain in my chest; tight chest
shortness of breath: short of breath; out of breath; dyspnea; dyspnoea; breathlessness; breathless; difficulty \
breathing; trouble breathing; can't breathe; catch her breath; catch his breath; catch my breath; SOB
orthopnea: orthopnoea
palpitation: racing heart; heart racing; pounding heart; fluttering in the chest; pounding in the chest
syncope: fainting; fainted; passed out; loss of consciousness; blackout
lightheadedness: lightheaded; light headed; light headedness; presyncope | dizziness: dizzy | vertigo: room spinning
leg swelling: swollen legs; swollen ankles; ankle swelling; swelling of the legs; pedal edema; leg edema; lower \
extremity edema; peripheral edema; swelling in the legs
edema: oedema; swelling | cough: dry cough; productive cough; coughing; chronic cough | sputum: phlegm; green sputum
coughing blood: hemoptysis; haemoptysis; coughing up blood | wheeze: wheezing; wheezy
runny nose: rhinorrhea; rhinorrhoea | nasal congestion: stuffy nose; blocked nose; sinus congestion
sore throat: pharyngitis; throat pain | hoarseness: hoarse voice | nosebleed: epistaxis; nose bleed
fever: febrile; feverish; high temperature; pyrexia | chills: chill; rigors; shivering | night sweat: drenching sweats
sweating: diaphoresis; sweats
fatigue: tiredness; tired; exhausted; exhaustion; lethargy; lethargic; fatigued; low energy; malaise
weakness: feeling weak; generalized weakness; muscle weakness
weight loss: losing weight; unintended weight loss; lost weight | weight gain: gaining weight; gained weight
loss of appetite: poor appetite; decreased appetite; anorexia; reduced appetite
nausea: nauseous; nauseated; feeling sick; queasy | vomiting: vomit; vomited; throwing up; emesis; vomits
abdominal pain: stomach pain; belly pain; stomach ache; stomachache; abdominal cramp; tummy ache; epigastric pain; \
stomach cramp
bloating: bloated; abdominal distension; swollen belly | heartburn: indigestion; dyspepsia
difficulty swallowing: dysphagia; trouble swallowing | diarrhea: diarrhoea; loose stool; watery stool
constipation: constipated
blood in stool: bloody stool; rectal bleeding; hematochezia; blood in the stool; black stool; melena; melaena
jaundice: jaundiced; yellow skin
painful urination: dysuria; burning urination; burning with urination; pain on urination
frequent urination: urinary frequency; polyuria; passing urine often
urinary incontinence: incontinence; leaking urine | blood in urine: hematuria; haematuria; blood in the urine
excessive thirst: polydipsia; increased thirst; very thirsty | vaginal bleeding: abnormal vaginal bleeding
heavy periods: menorrhagia; heavy menstruation; heavy menstrual bleeding | missed period: amenorrhea; amenorrhoea
hot flash: hot flush; hot flashes; hot flushes | breast lump: lump in the breast | headache: head pain; head ache
neck pain: stiff neck; neck stiffness | back pain: low back pain; lower back pain; backache; lumbar pain
knee pain: pain in the knee | leg pain: calf pain; cramps in the calves
joint pain: arthralgia; aching joints; painful joints | joint stiffness: morning stiffness; stiff joints
joint swelling: swollen joint | muscle pain: myalgia; muscle ache; aching muscles; body ache
muscle cramp: leg cramp; muscle spasm | numbness: numb | tingling: pins and needles; paresthesia; paraesthesia
tremor: shaking hands; resting tremor | seizure: convulsion | confusion: confused; disorientation; disoriented
memory loss: forgetfulness; forgetful; memory problems | difficulty speaking: slurred speech; aphasia; dysarthria
difficulty walking: unsteady gait; gait instability; trouble walking | loss of balance: imbalance; balance problems
recurrent falls: fell down; had a fall; frequent falls | blurred vision: blurry vision; vision changes; visual changes
double vision: diplopia | vision loss: loss of vision | red eye: redness of the eye
sensitivity to light: photophobia | ear pain: earache; otalgia | anxiety: anxious; nervousness; worried
low mood: depressed mood; sadness; feeling down; tearful; feeling sad
insomnia: trouble sleeping; difficulty sleeping; sleeplessness; can't sleep; poor sleep | irritability: irritable
suicidal thoughts: suicidal ideation | rash: skin rash; skin eruption | itching: itch; itchy; pruritus
hives: urticaria | bruising: easy bruising; bruise | hair loss: alopecia | skin lesion: skin lump
swollen glands: swollen lymph nodes; lymphadenopathy | snoring: snores | mouth ulcer: mouth sore
dehydration: dehydrated | limping: limp; limps | sneezing | flank pain | nocturia | urinary urgency
erectile dysfunction | pelvic pain | shoulder pain | elbow pain | wrist pain | hand pain | hip pain | ankle pain
foot pain | arm pain | eye pain | ringing in the ears | hallucination | panic attack | dry skin | dry mouth
toothache | bleeding
"""
MEDICATIONS = """
metformin: glucophage
insulin: insulin glargine; insulin lispro; insulin aspart; insulin detemir; insulin degludec; lantus; humalog; \
novolog; levemir; tresiba; basal insulin
glipizide: glucotrol | glyburide: glibenclamide | sitagliptin: januvia | empagliflozin: jardiance
dapagliflozin: farxiga; forxiga | liraglutide: victoza | semaglutide: ozempic; wegovy | dulaglutide: trulicity
pioglitazone: actos | lisinopril: zestril | losartan: cozaar | valsartan: diovan | amlodipine: norvasc
diltiazem: cardizem | metoprolol: lopressor; toprol | carvedilol: coreg | hydrochlorothiazide: HCTZ
chlorthalidone: chlortalidone | furosemide: lasix; frusemide | spironolactone: aldactone
isosorbide: isosorbide mononitrate; isosorbide dinitrate | nitroglycerin: glyceryl trinitrate; GTN
aspirin: acetylsalicylic acid; baby aspirin | clopidogrel: plavix | warfarin: coumadin | apixaban: eliquis
rivaroxaban: xarelto | enoxaparin: lovenox | atorvastatin: lipitor | simvastatin: zocor | rosuvastatin: crestor
beta blocker: betablocker | blood thinner: anticoagulant | diuretic: water pill
albuterol: salbutamol; ventolin; rescue inhaler | fluticasone: flonase; flovent | tiotropium: spiriva
montelukast: singulair | omeprazole: prilosec | pantoprazole: protonix | esomeprazole: nexium | famotidine: pepcid
ranitidine: zantac | ondansetron: zofran | mesalamine: mesalazine | polyethylene glycol: miralax
ursodiol: ursodeoxycholic acid | acetaminophen: paracetamol; tylenol | ibuprofen: advil; motrin | naproxen: aleve
diclofenac: voltaren | celecoxib: celebrex | tramadol: ultram | hydrocodone: norco; vicodin | oxycodone: percocet
hydromorphone: dilaudid | gabapentin: neurontin | pregabalin: lyrica | cyclobenzaprine: flexeril
hydroxychloroquine: plaquenil | adalimumab: humira | etanercept: enbrel | alendronate: fosamax
zoledronic acid: zoledronate | levothyroxine: synthroid; thyroxine | estradiol: oestradiol; estrogen
birth control pill: oral contraceptive | tamsulosin: flomax | sildenafil: viagra | sertraline: zoloft
fluoxetine: prozac | citalopram: celexa | escitalopram: lexapro | paroxetine: paxil | venlafaxine: effexor
duloxetine: cymbalta | bupropion: wellbutrin | quetiapine: seroquel | aripiprazole: abilify | diazepam: valium
lorazepam: ativan | alprazolam: xanax | clonazepam: klonopin | zolpidem: ambien | methylphenidate: ritalin
amphetamine: adderall | levetiracetam: keppra | lamotrigine: lamictal | valproate: valproic acid; depakote
carbamazepine: tegretol | phenytoin: dilantin | topiramate: topamax | sumatriptan: imitrex
botulinum toxin: botulinum injection; botox | levodopa: carbidopa levodopa; sinemet; carbidopa | donepezil: aricept
amoxicillin: augmentin; co amoxiclav | azithromycin: zithromax | ciprofloxacin: cipro | cephalexin: keflex
metronidazole: flagyl | bactrim: co trimoxazole | rifampicin: rifampin | acyclovir: aciclovir | oseltamivir: tamiflu
cetirizine: zyrtec | loratadine: claritin | diphenhydramine: benadryl | epinephrine: epipen; adrenaline
isotretinoin: accutane | iron supplement: ferrous sulfate; ferrous sulphate; iron tablet; iron pill
folic acid: folate | vitamin b12: cyanocobalamin | vitamin c: ascorbic acid | vitamin d: cholecalciferol
calcium supplement: calcium carbonate | potassium supplement: potassium chloride | gliclazide | glimepiride
canagliflozin | tirzepatide | enalapril | ramipril | perindopril | captopril | benazepril | candesartan | irbesartan
olmesartan | telmisartan | sacubitril | nifedipine | verapamil | felodipine | atenolol | bisoprolol | propranolol
nebivolol | sotalol | indapamide | torsemide | bumetanide | eplerenone | hydralazine | clonidine | doxazosin
terazosin | prazosin | ranolazine | ivabradine | digoxin | amiodarone | flecainide | ticagrelor | prasugrel
dabigatran | edoxaban | heparin | dalteparin | pravastatin | ezetimibe | fenofibrate | statin | ace inhibitor
inhaler | salmeterol | formoterol | budesonide | beclomethasone | ipratropium | umeclidinium | theophylline
prednisone | prednisolone | methylprednisolone | dexamethasone | hydrocortisone
fludrocortisone | triamcinolone | lansoprazole
sucralfate | antacid | metoclopramide | loperamide | azathioprine | rifaximin | lactulose | senna | meloxicam
indomethacin | codeine | morphine | fentanyl | methadone | buprenorphine | baclofen | tizanidine | methocarbamol
colchicine | allopurinol | febuxostat | methotrexate | sulfasalazine | leflunomide | mycophenolate | infliximab
rituximab | vedolizumab | ustekinumab | tocilizumab | secukinumab | risedronate | denosumab | liothyronine
methimazole | carbimazole | propylthiouracil | progesterone | testosterone | tamoxifen | letrozole | cabergoline
anastrozole | finasteride | oxybutynin | mirabegron | solifenacin | tadalafil | mirtazapine | trazodone
amitriptyline | nortriptyline | lithium | olanzapine | risperidone | haloperidol | clozapine | buspirone | modafinil
midazolam | melatonin | lacosamide | rizatriptan | pramipexole | ropinirole | rasagiline | amantadine | memantine
rivastigmine | penicillin | clarithromycin | doxycycline | levofloxacin | ceftriaxone | clindamycin | nitrofurantoin
trimethoprim | vancomycin | isoniazid | fluconazole | valacyclovir | antibiotic | fexofenadine | pseudoephedrine
tretinoin | magnesium | fish oil | multivitamin | chemotherapy | latanoprost | timolol
"""
HABITS = {
    "smoking": """
current: smoker; smokes; smoking; current smoker; active smoker; tobacco; tobacco use; uses tobacco; vapes; vaping; \
cigarettes a day; cigarettes per day; cigarettes daily; packs per day; pack per day; pack a day; packs a day; \
stop smoking; smoking cessation; to quit smoking; still smokes; smokes cigarettes
former: former smoker; ex smoker; past smoker; previous smoker; quit smoking; stopped smoking; gave up smoking; \
smoked; used to smoke; previously smoked; smoking in the past; former tobacco use; past tobacco use; quit tobacco; \
history of smoking; smoking history; history of tobacco use; remote smoking history
none: non smoker; nonsmoker; never smoker; never smoked; does not smoke; doesn't smoke; do not smoke; don't smoke; \
never smokes; smoke free; tobacco free; has not smoked; never used tobacco
""",
    "alcohol": """
current: alcohol; etoh; alcohol use; alcohol consumption; drinks alcohol; drinks wine; drinks beer; glass of wine; \
glasses of wine; wine with dinner; consumes alcohol; uses alcohol
occasional: social drinker; drinks socially; drinks occasionally; occasionally drinks; occasional alcohol; \
occasional drink; occasional wine; occasional beer; rarely drinks; rare alcohol; alcohol occasionally; \
alcohol socially; social alcohol; occasional alcohol use; social alcohol use; occasional drinker; \
occasional glass of wine; drinks alcohol socially; drinks alcohol occasionally; drinks wine socially; \
drinks beer socially; drinks wine occasionally; drinks beer occasionally; occasional etoh
heavy: alcoholism; alcohol abuse; alcohol dependence; alcohol dependent; alcohol use disorder; heavy drinker; \
drinks heavily; heavy alcohol use; heavy drinking; binge drinking; drinks to excess; excessive alcohol
former: recovering alcoholic; former drinker; quit drinking; stopped drinking; sober; alcohol use in the past; \
former alcohol use; past alcohol use; quit alcohol; history of alcohol abuse; history of alcohol use; \
former alcoholic; gave up alcohol; stopped alcohol
none: teetotal; teetotaler; teetotaller; non drinker; nondrinker; abstains from alcohol; does not drink; \
doesn't drink; do not drink; don't drink; never drinks; does not drink alcohol; doesn't drink alcohol
""",
    "drugs": """
current: marijuana; cannabis; cocaine; heroin; methamphetamine; recreational drugs; recreational drug; \
illicit drug; illicit drug use; drug use; iv drug use; recreational drug use; substance use; drug abuse; \
substance abuse; street drug; illegal drug; illicit substance; intravenous drug use
former: former drug use; past drug use; history of drug use; former cocaine use; history of drug abuse; \
history of substance abuse; quit marijuana; history of iv drug use
none: never used drugs; does not use drugs; drug free
""",
    "exercise": """
regular: exercises; exercises regularly; exercising; exercise regularly; regular exercise; walks daily; jogs; \
jogging; runs daily; runs in the morning; goes to the gym; goes for walks; physically active; works out; swims; \
cycles; plays tennis; plays golf; plays football; plays basketball; yoga; pilates; hikes; stays active; very active; \
exercises daily; weight training
little: sedentary; sedentary lifestyle; inactive; no exercise; lack of exercise; does not exercise; \
doesn't exercise; rarely exercises; little exercise; physically inactive; no regular exercise; \
does not exercise regularly
""",
    "living": """
alone: lives alone; living alone; lives by himself; lives by herself; lives on his own; lives on her own
with others: lives with; live with
in care: nursing home; assisted living; care home; residential care; skilled nursing facility
homeless: homeless shelter; no fixed abode; unhoused
""",
}
OCCUPATIONS = """
accountant; actor; actress; administrator; analyst; architect; artist; attorney; author; baker; banker; barber;
barista; bartender; biologist; bookkeeper; bricklayer; builder; bus driver; business owner; butcher; caregiver;
carer; carpenter; cashier; chef; chemist; civil servant; cleaner; clerk; coach; construction worker; consultant; cook;
dancer; dentist; designer; developer; director; dishwasher; doctor; dog groomer; driver; economist; editor;
electrician; engineer; factory worker; farmer; farm worker; fashion designer; firefighter; fisherman; fitter;
flight attendant; florist; forklift operator; gardener; geologist; glazier; hairdresser; handyman; homemaker;
housekeeper; housewife; importer; instructor; interpreter; janitor; jeweler; journalist; judge; laborer; labourer;
landscaper; lawyer; lecturer; librarian; machinist; maid; manager; mason; mechanic; midwife; miner; model; musician;
nanny; nurse; office worker; optician; painter; paralegal; paramedic; pest controller; pharmacist; photographer;
physician; physiotherapist; pilot; plasterer; plumber; police officer; postal worker; potter; priest; professor;
programmer; psychologist; realtor; receptionist; researcher; roofer; sailor; salesman; salesperson; saleswoman;
scientist; seamstress; secretary; security guard; shop assistant; shopkeeper; singer; social worker; soldier;
software developer; stonemason; student; supervisor; surgeon; surveyor; tailor; taxi driver; teacher;
teaching assistant; technician; therapist; translator; truck driver; tutor; veterinarian; waiter; waitress; warehouse
worker; watchmaker; weaver; web designer; welder; writer
"""
