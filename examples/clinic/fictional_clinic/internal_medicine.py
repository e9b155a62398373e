"""Six conditions of each specialty of internal medicine, in phrases with the placeholders of `grammar.py`."""

from fictional_clinic.condition import condition

CARDIOLOGY = (
    condition(
        "atrial fibrillation; paroxysmal AF; persistent atrial fibrillation",
        "a fluttering heartbeat at night; palpitations after [coffee|climbing stairs|meals]; light-headed spells;"
        "getting tired [far too|unusually] early in the day; a racing pulse that settles by itself",
        "pulse irregularly irregular at <78-122>; no murmur, mild ankle swelling; variable first heart sound",
        "ECG [shows|with] AF, rate <76-128>; left atrium <40-52> mm on echo;"
        "24-hour Holter [found|with] <3-31>% AF burden",
        "apixaban [2.5|5] mg twice daily; bisoprolol [1.25|2.5|5] mg; rivaroxaban [15|20] mg with supper;"
        "diltiazem [120|175|240] mg",
        "discuss cardioversion; repeat the Holter in <3-12> weeks;"
        "keep anticoagulated, [bleeding|stroke] risk explained",
    ),
    condition(
        "chronic heart failure; HFrEF; dilated cardiomyopathy",
        "breathless on [one flight of stairs|the walk to the mailbox|lying flat]; needs <2-4> pillows at night;"
        "swollen ankles by evening; gained <2-6> kg in a fortnight; wakes up coughing and gasping",
        "raised neck veins; pitting oedema to the [shins|knees]; fine crackles at both bases; third heart sound",
        "ejection fraction <22-44>%; NT-proBNP <780-5200> pg/mL; creatinine <0.9-1.8> mg/dL on the last panel",
        "furosemide [20|30|50|80] mg each morning; sacubitril-valsartan [24/26|49/51] mg;"
        "spironolactone [12.5|25] mg; carvedilol [3.125|6.25|12.5] mg",
        "daily weights, call if up <2-3> kg; titrate the beta blocker; [fluids|salt] restricted;"
        "cardiac rehab referral",
    ),
    condition(
        "stable angina; ischaemic heart disease; coronary disease after a stent",
        "tightness across the chest when [hurrying|shovelling|carrying shopping]; jaw ache on cold mornings;"
        "chest pressure that eases within <2-9> minutes; a heavy left arm on exertion;"
        "burning behind the breastbone after effort",
        "heart sounds dual, no rub; peripheral pulses all felt; no chest wall tenderness",
        "treadmill stopped at <5-11> minutes with ST depression; LDL <58-171> mg/dL;"
        "angiogram [from last year|on file] with <40-80>% LAD lesion",
        "aspirin 81 mg; atorvastatin [20|30|50|80] mg; nitroglycerin spray as needed;"
        "metoprolol succinate [25|40|60|100] mg; isosorbide [30|60] mg",
        "perfusion scan booked; carry the spray at all times; LDL goal below <55-70>;"
        "call 911 if pain lasts past 15 minutes",
    ),
    condition(
        "resistant hypertension; essential hypertension; high blood pressure",
        "no complaints apart from morning headaches; home readings around <148-182>/<88-104>; occasional nosebleeds;"
        "dizzy on standing",
        "BP equal in both arms; no renal bruit; fundi with mild narrowing",
        "urine albumin ratio <12-190> mg/g; potassium <3.2-4.9>; mean ambulatory pressure <138-166>/<82-99>",
        "amlodipine [5|7.5|10] mg; lisinopril [10|15|25|40] mg; chlorthalidone [12.5|25] mg; losartan [50|75|100] mg",
        "home cuff twice a day for a week; check aldosterone and renin; reduce [salt|liquorice|alcohol];"
        "recheck in <3-10> weeks",
    ),
    condition(
        "moderate aortic stenosis; aortic valve disease; bicuspid aortic valve",
        "almost fainted [at the gym|in the garden|after a hot bath]; breathless on hills;"
        "less stamina than last [spring|summer]; no symptoms at rest",
        "ejection murmur grade <2-4> radiating to the neck; slow-rising pulse; soft second sound",
        "valve area <0.8-1.5> cm2; mean gradient <18-46> mmHg; aortic root <36-46> mm",
        "rosuvastatin [5|7.5|12.5|20] mg; ramipril [2.5|5] mg; bisoprolol [1.25|2.5] mg",
        "echo again in <6-12> months; dental check before surgery; heart team discussion for valve replacement",
    ),
    condition(
        "supraventricular tachycardia; recurrent SVT; ventricular ectopy",
        "sudden pounding in the [neck|throat|chest]; attacks lasting <5-50> minutes;"
        "skipped beats when [resting|falling asleep]; anxious and sweaty during episodes",
        "regular rhythm today, no murmur; pulse <58-84>, regular; heart examination normal",
        "event recorder caught a run of <140-210> bpm; QTc <398-455> ms; <800-9000> ectopics per day;"
        "thyroid tests [normal|unremarkable]",
        "verapamil [120|175|240] mg; metoprolol [25|50] mg as needed; flecainide [50|75|100] mg twice daily",
        "taught the Valsalva manoeuvre; electrophysiology referral for ablation; cut down on [energy drinks|coffee]",
    ),
)

PULMONOLOGY = (
    condition(
        "COPD; chronic obstructive lung disease; emphysema",
        "breathless on [one flight of stairs|dressing|the walk to the mailbox];morning cough with <1-3> spoons of "
        "sputum;wheezy in [cold|humid] weather; <1-4> flare-ups since the [autumn|last review]; tight chest at night",
        "barrel chest, prolonged expiration; scattered wheeze; pursed-lip breathing;"
        "saturations fall to <84-91>% on walking",
        "FEV1 <31-68>% predicted; CAT score <9-31>; CT with upper-lobe emphysema; eosinophils <80-420>",
        "tiotropium 18 mcg; umeclidinium-vilanterol one puff; albuterol as needed;"
        "prednisone [20|30|40] mg for 5 days; azithromycin [250|500] mg",
        "pulmonary rehab; inhaler technique corrected; rescue pack [given|renewed]; oxygen assessment if below 88%",
    ),
    condition(
        "asthma; severe eosinophilic asthma; exercise-induced asthma",
        "wakes <1-5> nights a week coughing; tight chest when [running|vacuuming|near cats];"
        "uses the blue inhaler <2-9> times a week; cough after colds",
        "expiratory wheeze on both sides; chest clear today; nasal polyps on the left",
        "peak flow <260-520> L/min; FeNO <18-92> ppb; reversibility <12-31>% after salbutamol; IgE <60-900>",
        "budesonide-formoterol [160/4.5|200/6] two puffs; montelukast 10 mg; mepolizumab 100 mg monthly;"
        "fluticasone nasal spray",
        "written action plan; trigger diary; step [up|down] therapy in <6-12> weeks; replace feather bedding",
    ),
    condition(
        "obstructive sleep apnoea; sleep apnea; sleep-disordered breathing",
        "snores through closed doors; dozes off [at traffic lights|in meetings|over the paper]; morning headaches;"
        "getting tired [far too|unusually] early in the day",
        "neck <39-47> cm, Mallampati <2-4>; crowded throat; nose clear",
        "AHI <11-64> per hour; Epworth <8-20>; mask leak <8-36> L/min; CPAP used <2.1-7.4> h a night",
        "CPAP at <7-14> cmH2O; fluticasone nasal spray; modafinil [100|150|200] mg",
        "refit the mask; no driving when sleepy; weight programme; download the machine's card in <4-10> weeks",
    ),
    condition(
        "bronchiectasis; recurrent chest infections; post-infective bronchiectasis",
        "half a cup of green sputum a day; <2-6> antibiotic courses this year;"
        "streaks of blood once in [March|June|October]; sweats with each infection",
        "coarse crackles at the [left|right] base; clubbing; chest clears partly with coughing",
        "CT with varicose airways in the [middle|left lower] lobe; sputum grew [Pseudomonas|Haemophilus|Moraxella];"
        "FEV1 <48-88>% predicted",
        "azithromycin 250 mg three times a week; nebulised hypertonic saline; ciprofloxacin 500 mg for 14 days;"
        "doxycycline 100 mg",
        "chest physiotherapy twice daily; flutter device shown; vaccinations brought up to date;"
        "sputum culture every <2-4> months",
    ),
    condition(
        "idiopathic pulmonary fibrosis; interstitial lung disease; hypersensitivity pneumonitis",
        "dry cough that stops conversation; breathless on hills; lost <3-9> kg without trying;"
        "less stamina than last [spring|summer]",
        "velcro crackles at both bases; clubbed fingers; saturations <86-95>% at rest",
        "DLCO <28-61>%; FVC <1.7-3.4> L; honeycombing on CT; six-minute walk <190-460> m",
        "nintedanib [100|150] mg twice daily; pirfenidone 801 mg three times daily; omeprazole 20 mg;"
        "mycophenolate 1 g",
        "multidisciplinary review; ambulatory oxygen trial; transplant referral discussed;"
        "avoid [birds|hay|the workshop dust]",
    ),
    condition(
        "pulmonary embolism; clot in the lung; a solitary lung nodule",
        "sharp pain on deep breath; short of breath since a long [flight|drive]; calf soreness on the [left|right];"
        "coughed a little blood",
        "pleural rub at the base; chest clear; calf <1-3> cm larger on one side",
        "CT with [segmental|subsegmental] clot; D-dimer <620-4100>; nodule <5-14> mm, unchanged;"
        "right ventricle normal on echo",
        "apixaban 5 mg twice daily; rivaroxaban 20 mg with supper; enoxaparin [60|100] mg",
        "anticoagulate for <3-6> months; repeat CT in <3-12> months; compression stockings for travel;"
        "thrombophilia screen",
    ),
)

ENDOCRINOLOGY = (
    condition(
        "type 2 diabetes; type 2 diabetes on insulin; poorly controlled diabetes",
        "thirsty and up <2-5> times a night; sugars <160-310> before breakfast; tingling soles;"
        "hypos when [gardening|skipping lunch]; weight up <2-8> kg",
        "reduced monofilament at <2-6> of 10 points; injection sites lumpy; foot pulses felt",
        "A1c <6.9-11.4>%; urine albumin ratio <12-190> mg/g; time in range <31-78>%; LDL <58-171> mg/dL",
        "metformin [500|750|1000] mg twice daily; semaglutide [0.25|0.5|1] mg weekly;"
        "insulin glargine [12|20|30|46] units; empagliflozin 10 mg",
        "eye screening due; move injection sites; carbohydrate counting class; sensor trial for two weeks",
    ),
    condition(
        "primary hypothyroidism; Hashimoto thyroiditis; an underactive thyroid",
        "cold all the time; getting tired [far too|unusually] early in the day; dry skin and thin brows; constipated;"
        "forgetful",
        "small firm goitre; slow ankle jerks; puffy eyelids",
        "TSH <5.2-24.6> mIU/L; free T4 <0.5-1.1>; antibodies above <300-1300>; cholesterol <198-280>",
        "levothyroxine [50|75|150] mcg; liothyronine 5 mcg; ferrous sulfate 325 mg",
        "tablet on an empty stomach, apart from [iron|calcium|coffee]; TSH again in <6-8> weeks;"
        "aim for TSH 0.5 to 2.5",
    ),
    condition(
        "Graves disease; thyrotoxicosis; an overactive thyroid",
        "shaky hands and heat intolerance; lost <3-9> kg without trying;"
        "palpitations after [coffee|climbing stairs|meals]; gritty eyes; loose bowels",
        "fine tremor, lid lag; smooth goitre with bruit; pulse <92-124>",
        "TSH below 0.01; free T3 <6.1-15.0>; TRAb <3.1-22.4>; uptake scan diffuse",
        "methimazole [10|15|30] mg; propranolol [20|30|40] mg; selenium 100 mcg",
        "stop tablets if sore throat and check count; eye clinic; radioiodine against surgery explained",
    ),
    condition(
        "osteoporosis; vertebral osteoporosis; low bone mass with fractures",
        "lost <2-6> cm of height; back pain after [lifting a pot|a minor fall]; wrist broken in a fall last winter;"
        "afraid of falling",
        "stooped, <1-3> tender vertebrae; stands up without arms; gait steady",
        "T-score -<2.5-4.1> at the [hip|spine]; vitamin D <11-34> ng/mL; calcium <8.8-10.1>; CTX <180-620>",
        "alendronate 70 mg weekly; zoledronate 5 mg yearly; denosumab 60 mg; vitamin D [800|1500|2000] units",
        "DXA in two years; dental check before infusion; fall prevention class; heel drops and walking",
    ),
    condition(
        "primary hyperparathyroidism; high calcium under study; a parathyroid adenoma",
        "thirst and low mood; kidney stone in [2016|2019|2021]; aching bones; constipated; foggy thinking",
        "no neck mass; proximal strength full; mildly dry",
        "calcium <10.6-12.3> mg/dL; PTH <72-210> pg/mL; sestamibi hot spot at the [left|right] lower pole;"
        "urine calcium <250-420>",
        "cinacalcet 30 mg; vitamin D [800|1500|2000] units; alendronate 70 mg weekly",
        "surgeon's opinion; drink two litres a day; renal ultrasound; avoid thiazides",
    ),
    condition(
        "an adrenal nodule; Addison disease; a pituitary microadenoma",
        "dizzy on standing; craves salty food; home readings around <148-182>/<88-104>; milk from both breasts;"
        "easy bruising",
        "postural drop <12-34> mmHg; pigmented palmar creases; visual fields full",
        "morning cortisol <1.8-21.0>; prolactin <38-240>; adenoma <6-19> mm on MRI;"
        "dexamethasone test [suppressed|not suppressed]",
        "hydrocortisone [15|25] mg split doses; fludrocortisone [50|75|150] mcg; cabergoline 0.5 mg weekly",
        "sick-day rules rehearsed; steroid card; MRI in <6-12> months; emergency injection kit",
    ),
)

GASTROENTEROLOGY = (
    condition(
        "reflux disease; erosive oesophagitis; Barrett oesophagus",
        "burning behind the breastbone after [late meals|wine|tomatoes]; sour taste at night;"
        "dry cough on lying down; food sticks with [bread|meat]; chest pressure that eases with milk",
        "abdomen soft; mild tenderness under the sternum; teeth worn",
        "endoscopy with grade [A|B|C] oesophagitis; pH study <5-14>% acid time; <1-5> cm Barrett segment;"
        "hiatal hernia <2-5> cm",
        "omeprazole [20|30|40] mg; pantoprazole [20|30|40] mg; famotidine 20 mg at night; alginate after meals",
        "raise the bed head; no food <2-4> hours before bed; endoscopy in <1-3> years; surgeon's opinion",
    ),
    condition(
        "Crohn disease; ileal Crohn disease; fistulising Crohn disease",
        "<4-11> loose stools a day; cramps in the lower right side; lost <3-9> kg without trying; mouth ulcers;"
        "draining spot near the anus",
        "tender mass in the right flank; pale; perianal skin tag; abdomen soft",
        "calprotectin <220-1900> ug/g; CRP <6-58>; MR enterography with <8-32> cm inflamed ileum;"
        "hemoglobin <9.4-13.2>",
        "adalimumab 40 mg; azathioprine [100|175] mg; budesonide 9 mg; ustekinumab 90 mg; iron infusion",
        "trough level before next dose; stop smoking; colonoscopy in <6-12> months; dietitian",
    ),
    condition(
        "ulcerative colitis; left-sided colitis; proctitis",
        "blood and mucus with <3-10> motions daily; urgency before breakfast; up <1-4> times at night; tenesmus",
        "left side mildly tender; no fever; rectal mucosa friable",
        "Mayo score <1-3>; calprotectin <220-1900> ug/g; albumin <2.9-4.2>; no C. difficile",
        "mesalamine [2.4|4.8] g; hydrocortisone foam; vedolizumab 300 mg; prednisone [20|30|40] mg tapering",
        "flexible sigmoidoscopy; surveillance colonoscopy; bone protection; nurse helpline number given",
    ),
    condition(
        "irritable bowel syndrome; functional dyspepsia; coeliac disease",
        "bloated by evening; pain eased by a bowel movement; alternates between constipated and loose;"
        "full after <3-8> bites; getting tired [far too|unusually] early in the day",
        "abdomen distended but soft; no mass; itchy blisters on elbows",
        "tTG antibody [normal|<24-190> U/mL]; calprotectin <14-48> ug/g; ferritin <6-40>;"
        "H. pylori breath test [negative|positive]",
        "peppermint oil; psyllium one spoon daily; amitriptyline [10|15|25] mg; loperamide 2 mg;"
        "ferrous sulfate 325 mg",
        "low FODMAP trial with dietitian; gluten-free diet check; gut-directed therapy; food diary",
    ),
    condition(
        "fatty liver disease; compensated cirrhosis; autoimmune hepatitis",
        "no complaints apart from tiredness; itch at night; swollen belly and ankles; weight up <2-8> kg;"
        "foggy thinking",
        "liver edge <1-4> cm below the ribs; spider naevi; no flap; mild ascites",
        "ALT <48-210> U/L; stiffness <6.2-24.0> kPa; platelets <78-240>; ultrasound coarse echo; INR <1.0-1.6>",
        "lactulose [15|30] mL; spironolactone [50|75|100] mg; prednisone [5|7.5|12.5|20] mg; rifaximin 550 mg;"
        "carvedilol [3.125|6.25] mg",
        "ultrasound every six months; variceal screening; no alcohol; hepatitis B vaccine; coffee is fine",
    ),
    condition(
        "gallstones; chronic pancreatitis; diverticular disease",
        "colic under the right ribs after fatty food; pain boring through to the back; pale greasy stools;"
        "left lower cramps for <2-6> days; nausea",
        "Murphy sign negative; epigastric tenderness; left lower guarding; no jaundice",
        "ultrasound with <4-18> mm stones; lipase <90-620>; elastase <40-180>; CT with diverticula, no abscess",
        "pancreatic enzymes <25-50> thousand units with meals; ursodiol 300 mg; amoxicillin-clavulanate 875 mg;"
        "omeprazole [20|30|40] mg",
        "surgeon's opinion on gallbladder; fibre up slowly; stop alcohol; MRCP;"
        "colonoscopy <6-8> weeks after the attack",
    ),
)
