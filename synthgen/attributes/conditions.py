"""Chronic conditions and lasting events of a life, written down by us; see `lexicon` for the form of a line."""

CONDITIONS = """
type 1 diabetes: type i diabetes; diabetes type 1; insulin dependent diabetes; T1DM; DM1; IDDM
type 2 diabetes: type ii diabetes; diabetes type 2; adult onset diabetes; T2DM; DM2; NIDDM
diabetes: diabetes mellitus; diabetic; DM
prediabetes: pre diabetes; impaired glucose tolerance; borderline diabetes
gestational diabetes
diabetic neuropathy
diabetic retinopathy
hypertension: high blood pressure; essential hypertension; arterial hypertension; hypertensive; HTN
hyperlipidemia: hyperlipidaemia; high cholesterol; hypercholesterolemia; hypercholesterolaemia; dyslipidemia; \
dyslipidaemia; HLD
coronary artery disease: coronary heart disease; ischemic heart disease; ischaemic heart disease; CAD; IHD
heart attack: myocardial infarction; STEMI; NSTEMI
angina: angina pectoris; stable angina
heart failure: congestive heart failure; cardiac failure; CHF; HFrEF; HFpEF
atrial fibrillation: afib; a fib; paroxysmal atrial fibrillation
atrial flutter
supraventricular tachycardia: SVT
cardiomyopathy: dilated cardiomyopathy; hypertrophic cardiomyopathy
aortic stenosis
mitral regurgitation
peripheral artery disease: peripheral arterial disease; peripheral vascular disease; claudication; PAD; PVD
deep vein thrombosis: deep venous thrombosis; DVT
pulmonary embolism: pulmonary embolus
stroke: cerebrovascular accident; CVA
transient ischemic attack: transient ischaemic attack; mini stroke; TIA
aneurysm: aortic aneurysm; AAA
asthma: asthmatic; bronchial asthma
chronic obstructive pulmonary disease: COPD; emphysema; chronic bronchitis
bronchiectasis
pulmonary fibrosis: interstitial lung disease; ILD
sarcoidosis
cystic fibrosis
sleep apnea: sleep apnoea; obstructive sleep apnea; obstructive sleep apnoea; OSA
tuberculosis: latent tuberculosis
pulmonary hypertension
chronic kidney disease: chronic renal failure; chronic renal insufficiency; CKD
end stage renal disease: end stage kidney disease; ESRD; on dialysis; hemodialysis; haemodialysis
kidney stones: kidney stone; nephrolithiasis; renal calculi; renal stones
polycystic kidney disease: polycystic kidneys
benign prostatic hyperplasia: enlarged prostate; prostatic hypertrophy; BPH
overactive bladder
gastroesophageal reflux disease: gastro oesophageal reflux disease; acid reflux; reflux disease; GERD; GORD
peptic ulcer: stomach ulcer; gastric ulcer; duodenal ulcer; peptic ulcer disease
barrett's esophagus: barrett's oesophagus
crohn's disease: crohn disease; crohn's
ulcerative colitis
inflammatory bowel disease: IBD
irritable bowel syndrome: IBS
celiac disease: coeliac disease
diverticulosis: diverticular disease; diverticulitis
gallstones: cholelithiasis; gallstone
cirrhosis: liver cirrhosis; cirrhotic
hepatitis b
hepatitis c
fatty liver: fatty liver disease; NAFLD; NASH
pancreatitis: chronic pancreatitis
hypothyroidism: underactive thyroid; hypothyroid; hashimoto's thyroiditis
hyperthyroidism: overactive thyroid; thyrotoxicosis; graves disease; graves's disease
adrenal insufficiency: addison's disease
polycystic ovary syndrome: polycystic ovarian syndrome; PCOS
endometriosis
menopause: postmenopausal; perimenopausal
obesity: obese; morbid obesity
hyperparathyroidism: primary hyperparathyroidism
autoimmune hepatitis
mild cognitive impairment
frozen shoulder: adhesive capsulitis
rotator cuff tear: torn rotator cuff
plantar fasciitis
gout: gouty arthritis
osteoarthritis: degenerative joint disease; DJD
rheumatoid arthritis
psoriatic arthritis
ankylosing spondylitis
arthritis
osteoporosis
osteopenia
lupus: systemic lupus erythematosus; SLE
fibromyalgia
scoliosis
spinal stenosis: lumbar stenosis
herniated disc: disc herniation; slipped disc; herniated disk
sciatica
avascular necrosis
carpal tunnel syndrome
migraine: migraine with aura; chronic migraine
epilepsy: seizure disorder
parkinson's disease: parkinson disease; parkinsonism
alzheimer's disease: alzheimer disease; alzheimer's
dementia
multiple sclerosis
neuropathy: peripheral neuropathy; polyneuropathy
essential tremor
restless legs syndrome: restless leg syndrome
depression: major depression; major depressive disorder; depressive disorder; MDD
anxiety disorder: generalized anxiety disorder; generalised anxiety disorder; GAD; panic disorder
bipolar disorder: bipolar
schizophrenia
post traumatic stress disorder: PTSD
attention deficit hyperactivity disorder: ADHD; attention deficit disorder
autism: autistic; autism spectrum disorder
eczema: atopic dermatitis
psoriasis
rosacea
acne
allergic rhinitis: hay fever; seasonal allergies; seasonal allergy; environmental allergies
chronic sinusitis
glaucoma
cataract
macular degeneration
hearing loss: hard of hearing; hearing impairment
tinnitus
anemia: anaemia; iron deficiency anemia; iron deficiency anaemia; anemic; anaemic
sickle cell disease
hemophilia: haemophilia
thrombocytopenia
leukemia: leukaemia; CLL; CML
lymphoma: hodgkin's lymphoma; non hodgkin's lymphoma
multiple myeloma
breast cancer: carcinoma of the breast
prostate cancer: carcinoma of the prostate
lung cancer
colon cancer: colorectal cancer; bowel cancer
skin cancer: basal cell carcinoma
melanoma
thyroid cancer
bladder cancer
kidney cancer: renal cell carcinoma
pancreatic cancer
ovarian cancer
cancer: malignancy; carcinoma
hiv: HIV; human immunodeficiency virus; AIDS
varicose veins: venous insufficiency
chronic pain: chronic pain syndrome
chronic fatigue syndrome
"""
