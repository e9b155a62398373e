"""Medicines by generic name with some common brands, written down by us; see `lexicon` for the form of a line."""

MEDICATIONS = """
metformin: glucophage
insulin: insulin glargine; insulin lispro; insulin aspart; insulin detemir; insulin degludec; lantus; humalog; \
novolog; levemir; tresiba; basal insulin
glipizide: glucotrol
gliclazide
glimepiride
glyburide: glibenclamide
sitagliptin: januvia
empagliflozin: jardiance
dapagliflozin: farxiga; forxiga
canagliflozin
liraglutide: victoza
semaglutide: ozempic; wegovy
dulaglutide: trulicity
tirzepatide
pioglitazone: actos
lisinopril: zestril
enalapril
ramipril
perindopril
captopril
benazepril
losartan: cozaar
valsartan: diovan
candesartan
irbesartan
olmesartan
telmisartan
sacubitril
amlodipine: norvasc
nifedipine
diltiazem: cardizem
verapamil
felodipine
metoprolol: lopressor; toprol
atenolol
bisoprolol
carvedilol: coreg
propranolol
nebivolol
sotalol
hydrochlorothiazide: HCTZ
chlorthalidone: chlortalidone
indapamide
furosemide: lasix; frusemide
torsemide
bumetanide
spironolactone: aldactone
eplerenone
hydralazine
clonidine
doxazosin
terazosin
prazosin
isosorbide: isosorbide mononitrate; isosorbide dinitrate
nitroglycerin: glyceryl trinitrate; GTN
ranolazine
ivabradine
digoxin
amiodarone
flecainide
aspirin: acetylsalicylic acid; baby aspirin
clopidogrel: plavix
ticagrelor
prasugrel
warfarin: coumadin
apixaban: eliquis
rivaroxaban: xarelto
dabigatran
edoxaban
heparin
enoxaparin: lovenox
atorvastatin: lipitor
simvastatin: zocor
rosuvastatin: crestor
pravastatin
ezetimibe
fenofibrate
statin
beta blocker: betablocker
ace inhibitor
blood thinner: anticoagulant
diuretic: water pill
albuterol: salbutamol; ventolin; rescue inhaler
inhaler
salmeterol
formoterol
fluticasone: flonase; flovent
budesonide
beclomethasone
tiotropium: spiriva
ipratropium
umeclidinium
montelukast: singulair
theophylline
prednisone
prednisolone
methylprednisolone
dexamethasone
hydrocortisone
fludrocortisone
triamcinolone
omeprazole: prilosec
pantoprazole: protonix
esomeprazole: nexium
lansoprazole
famotidine: pepcid
ranitidine: zantac
sucralfate
antacid
ondansetron: zofran
metoclopramide
loperamide
mesalamine: mesalazine
azathioprine
rifaximin
lactulose
senna
polyethylene glycol: miralax
ursodiol: ursodeoxycholic acid
acetaminophen: paracetamol; tylenol
ibuprofen: advil; motrin
naproxen: aleve
diclofenac: voltaren
celecoxib: celebrex
meloxicam
indomethacin
tramadol: ultram
codeine
hydrocodone: norco; vicodin
oxycodone: percocet
morphine
hydromorphone: dilaudid
fentanyl
methadone
buprenorphine
gabapentin: neurontin
pregabalin: lyrica
cyclobenzaprine: flexeril
baclofen
tizanidine
methocarbamol
colchicine
allopurinol
febuxostat
methotrexate
sulfasalazine
hydroxychloroquine: plaquenil
leflunomide
mycophenolate
adalimumab: humira
etanercept: enbrel
infliximab
rituximab
vedolizumab
ustekinumab
tocilizumab
secukinumab
alendronate: fosamax
risedronate
zoledronic acid: zoledronate
denosumab
levothyroxine: synthroid; thyroxine
liothyronine
methimazole
carbimazole
propylthiouracil
estradiol: oestradiol; estrogen
progesterone
birth control pill: oral contraceptive
testosterone
tamoxifen
letrozole
cabergoline
anastrozole
finasteride
tamsulosin: flomax
oxybutynin
mirabegron
solifenacin
sildenafil: viagra
tadalafil
sertraline: zoloft
fluoxetine: prozac
citalopram: celexa
escitalopram: lexapro
paroxetine: paxil
venlafaxine: effexor
duloxetine: cymbalta
bupropion: wellbutrin
mirtazapine
trazodone
amitriptyline
nortriptyline
lithium
quetiapine: seroquel
olanzapine
risperidone
aripiprazole: abilify
haloperidol
clozapine
diazepam: valium
lorazepam: ativan
alprazolam: xanax
clonazepam: klonopin
buspirone
modafinil
midazolam
zolpidem: ambien
melatonin
methylphenidate: ritalin
amphetamine: adderall
levetiracetam: keppra
lamotrigine: lamictal
valproate: valproic acid; depakote
carbamazepine: tegretol
phenytoin: dilantin
lacosamide
topiramate: topamax
sumatriptan: imitrex
rizatriptan
botulinum toxin: botulinum injection; botox
levodopa: carbidopa levodopa; sinemet; carbidopa
pramipexole
ropinirole
rasagiline
amantadine
donepezil: aricept
memantine
rivastigmine
amoxicillin: augmentin; co amoxiclav
penicillin
azithromycin: zithromax
clarithromycin
doxycycline
ciprofloxacin: cipro
levofloxacin
cephalexin: keflex
ceftriaxone
clindamycin
metronidazole: flagyl
nitrofurantoin
trimethoprim
bactrim: co trimoxazole
vancomycin
rifampicin: rifampin
isoniazid
fluconazole
acyclovir: aciclovir
valacyclovir
oseltamivir: tamiflu
antibiotic
cetirizine: zyrtec
loratadine: claritin
fexofenadine
diphenhydramine: benadryl
pseudoephedrine
epinephrine: epipen; adrenaline
isotretinoin: accutane
tretinoin
iron supplement: ferrous sulfate; ferrous sulphate; iron tablet; iron pill
folic acid: folate
vitamin b12: cyanocobalamin
vitamin c: ascorbic acid
magnesium
vitamin d: cholecalciferol
calcium supplement: calcium carbonate
potassium supplement: potassium chloride
fish oil
multivitamin
chemotherapy
latanoprost
timolol
"""
