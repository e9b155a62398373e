"""Symptoms, in a doctor's words and in a patient's, written down by us; see `lexicon` for the form of a line."""

SYMPTOMS = """
chest pain: chest discomfort; chest tightness; chest pressure; pain in the chest; pain in my chest; tight chest
shortness of breath: short of breath; out of breath; dyspnea; dyspnoea; breathlessness; breathless; \
difficulty breathing; trouble breathing; can't breathe; catch her breath; catch his breath; catch my breath; SOB
orthopnea: orthopnoea
palpitation: racing heart; heart racing; pounding heart; fluttering in the chest; pounding in the chest
syncope: fainting; fainted; passed out; loss of consciousness; blackout
lightheadedness: lightheaded; light headed; light headedness; presyncope
dizziness: dizzy
vertigo: room spinning
leg swelling: swollen legs; swollen ankles; ankle swelling; swelling of the legs; pedal edema; leg edema; \
lower extremity edema; peripheral edema; swelling in the legs
edema: oedema; swelling
cough: dry cough; productive cough; coughing; chronic cough
sputum: phlegm; green sputum
coughing blood: hemoptysis; haemoptysis; coughing up blood
wheeze: wheezing; wheezy
runny nose: rhinorrhea; rhinorrhoea
nasal congestion: stuffy nose; blocked nose; sinus congestion
sore throat: pharyngitis; throat pain
hoarseness: hoarse voice
sneezing
nosebleed: epistaxis; nose bleed
fever: febrile; feverish; high temperature; pyrexia
chills: chill; rigors; shivering
night sweat: drenching sweats
sweating: diaphoresis; sweats
fatigue: tiredness; tired; exhausted; exhaustion; lethargy; lethargic; fatigued; low energy; malaise
weakness: feeling weak; generalized weakness; muscle weakness
weight loss: losing weight; unintended weight loss; lost weight
weight gain: gaining weight; gained weight
loss of appetite: poor appetite; decreased appetite; anorexia; reduced appetite
nausea: nauseous; nauseated; feeling sick; queasy
vomiting: vomit; vomited; throwing up; emesis; vomits
abdominal pain: stomach pain; belly pain; stomach ache; stomachache; abdominal cramp; tummy ache; epigastric pain; \
stomach cramp
bloating: bloated; abdominal distension; swollen belly
heartburn: indigestion; dyspepsia
difficulty swallowing: dysphagia; trouble swallowing
diarrhea: diarrhoea; loose stool; watery stool
constipation: constipated
blood in stool: bloody stool; rectal bleeding; hematochezia; blood in the stool; black stool; melena; melaena
jaundice: jaundiced; yellow skin
flank pain
painful urination: dysuria; burning urination; burning with urination; pain on urination
frequent urination: urinary frequency; polyuria; passing urine often
nocturia
urinary urgency
urinary incontinence: incontinence; leaking urine
blood in urine: hematuria; haematuria; blood in the urine
excessive thirst: polydipsia; increased thirst; very thirsty
erectile dysfunction
vaginal bleeding: abnormal vaginal bleeding
heavy periods: menorrhagia; heavy menstruation; heavy menstrual bleeding
missed period: amenorrhea; amenorrhoea
hot flash: hot flush; hot flashes; hot flushes
breast lump: lump in the breast
pelvic pain
headache: head pain; head ache
neck pain: stiff neck; neck stiffness
back pain: low back pain; lower back pain; backache; lumbar pain
shoulder pain
elbow pain
wrist pain
hand pain
hip pain
knee pain: pain in the knee
ankle pain
foot pain
leg pain: calf pain; cramps in the calves
arm pain
joint pain: arthralgia; aching joints; painful joints
joint stiffness: morning stiffness; stiff joints
joint swelling: swollen joint
muscle pain: myalgia; muscle ache; aching muscles; body ache
muscle cramp: leg cramp; muscle spasm
numbness: numb
tingling: pins and needles; paresthesia; paraesthesia
tremor: shaking hands; resting tremor
seizure: convulsion
confusion: confused; disorientation; disoriented
memory loss: forgetfulness; forgetful; memory problems
difficulty speaking: slurred speech; aphasia; dysarthria
difficulty walking: unsteady gait; gait instability; trouble walking
loss of balance: imbalance; balance problems
recurrent falls: fell down; had a fall; frequent falls
blurred vision: blurry vision; vision changes; visual changes
double vision: diplopia
vision loss: loss of vision
eye pain
red eye: redness of the eye
sensitivity to light: photophobia
ear pain: earache; otalgia
ringing in the ears
anxiety: anxious; nervousness; worried
low mood: depressed mood; sadness; feeling down; tearful; feeling sad
insomnia: trouble sleeping; difficulty sleeping; sleeplessness; can't sleep; poor sleep
irritability: irritable
suicidal thoughts: suicidal ideation
hallucination
panic attack
rash: skin rash; skin eruption
itching: itch; itchy; pruritus
hives: urticaria
bruising: easy bruising; bruise
hair loss: alopecia
dry skin
skin lesion: skin lump
swollen glands: swollen lymph nodes; lymphadenopathy
dry mouth
snoring: snores
mouth ulcer: mouth sore
toothache
bleeding
dehydration: dehydrated
limping: limp; limps
"""
