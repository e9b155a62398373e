"""Six conditions each of neurology and orthopedics, in phrases with the placeholders of `grammar.py`."""

from fictional_clinic.condition import condition

NEUROLOGY = (
    condition(
        "migraine with aura; chronic migraine; migraine without aura",
        "throbbing on the [left|right] side with nausea; zigzag lights for <15-45> minutes;"
        "<4-18> headache days a month; morning headaches; must lie in the dark",
        "cranial nerves intact; neck supple, fundi sharp; no focal deficit",
        "MRI brain normal; MIDAS <11-62>; headache diary with <4-18> days",
        "sumatriptan [50|75|100] mg; topiramate [25|40|60|100] mg; propranolol [20|30|40] mg;"
        "erenumab [70|140] mg monthly; magnesium 400 mg",
        "limit painkillers to <6-9> days a month; regular sleep; botulinum injections if no better in <8-12> weeks",
    ),
    condition(
        "Parkinson disease; early Parkinson disease; parkinsonism under observation",
        "resting tremor of the [left|right] hand; smaller handwriting; slow turning in bed; freezes in doorways;"
        "lost sense of smell",
        "reduced arm swing; cogwheel rigidity; <3-7> steps to turn; soft voice",
        "DaT scan reduced on one side; UPDRS motor <14-43>; off time <1-5> h a day",
        "carbidopa-levodopa [25/100|25/250] <3-5> times daily; rasagiline 1 mg; pramipexole [0.25|0.5] mg;"
        "amantadine 100 mg",
        "speech and physiotherapy; tango class; protein away from doses; review in <8-16> weeks",
    ),
    condition(
        "focal epilepsy; generalised epilepsy; a first seizure",
        "<1-5> blank spells since the last review; bitten tongue on waking; rising feeling from the stomach;"
        "jerks after a short night; almost fainted [at the gym|in the garden|after a hot bath]",
        "no nystagmus; examination between attacks normal; scar on the scalp",
        "EEG with [left|right] temporal sharp waves; levetiracetam level <9-38>; MRI with hippocampal asymmetry;"
        "ECG normal",
        "levetiracetam [500|750|1500] mg twice daily; lamotrigine [50|75|120|200] mg; lacosamide [50|75|100] mg;"
        "midazolam spray for rescue",
        "no driving for <3-12> months; showers rather than baths; sleep-deprived EEG; seizure diary",
    ),
    condition(
        "relapsing multiple sclerosis; optic neuritis; demyelinating disease",
        "numb patch on the [left|right] thigh; blurred eye with pain on moving it; heat makes the legs heavy;"
        "getting tired [far too|unusually] early in the day; urgent bladder",
        "pale optic disc; brisk knee jerks; walks on heels with difficulty; Lhermitte positive",
        "MRI with <1-4> new lesions; oligoclonal bands present; EDSS <1.0-5.5>; JC antibody index <0.2-2.4>",
        "ocrelizumab 600 mg; dimethyl fumarate 240 mg; baclofen [5|7.5|12.5|20] mg;"
        "methylprednisolone 1 g for three days",
        "MRI in <6-12> months; cooling vest; vitamin D; neuro-physio",
    ),
    condition(
        "peripheral neuropathy; carpal tunnel syndrome; small fibre neuropathy",
        "tingling soles; burning feet under the blanket; drops [cups|keys|needles]; wakes shaking the hand;"
        "back pain running into the calf",
        "absent ankle jerks; reduced vibration to the [ankles|knees]; Tinel positive at the wrist; thenar wasting",
        "nerve conduction slowed to <28-44> m/s; B12 <160-420>; A1c <6.9-9.4>%;"
        "protein electrophoresis [normal|small band]",
        "duloxetine [30|60] mg; gabapentin [300|500|900] mg; vitamin B12 injections; nortriptyline [10|15|25|50] mg",
        "wrist splint at night; foot care; surgeon's opinion; repeat studies in <4-9> months",
    ),
    condition(
        "a transient ischaemic attack; ischaemic stroke; mild cognitive impairment",
        "speech slurred for <10-55> minutes; weak [left|right] arm on waking; loses words and repeats questions;"
        "got lost on a known road; unsteady since the spring",
        "slight facial droop; pronator drift; recall <1-3> of 3 words; gait broad",
        "MoCA <17-26>; carotid narrowing <30-75>%; MRI with small-vessel change; LDL <58-171> mg/dL",
        "clopidogrel 75 mg; atorvastatin [20|30|50|80] mg; donepezil [5|7.5|10] mg; aspirin 81 mg",
        "carotid duplex; 24-hour Holter; occupational therapy at home; memory clinic; no smoking",
    ),
)

ORTHOPEDICS = (
    condition(
        "knee osteoarthritis; gonarthrosis; worn knee cartilage",
        "pain going down [stairs|hills]; stiff <5-40> minutes after sitting;"
        "knee swells after [dancing|the market|hiking]; gives way twice a week",
        "effusion, flexion <88-126> degrees; crepitus and a varus knee; joint line tender; quadriceps thin",
        "films with medial narrowing grade <2-4>; Oxford knee score <14-38>; BMI <24-39>",
        "naproxen [250|500] mg; acetaminophen 1 g; topical diclofenac; triamcinolone 40 mg injected",
        "strengthening twice a week; cane in the opposite hand; knee replacement [listed|considered];"
        "weight programme",
    ),
    condition(
        "rotator cuff tear; frozen shoulder; shoulder impingement",
        "cannot reach the [shelf|seat belt|bra strap]; night pain lying on it; weak when lifting a [kettle|pan];"
        "shoulder stiff since a [fall|vaccination]",
        "abduction <50-110> degrees; positive empty-can test; external rotation halved; no winging",
        "ultrasound with <6-24> mm tear; MRI with retracted supraspinatus; films with calcific deposit",
        "ibuprofen [400|600|800] mg; methylprednisolone [40|60|80] mg injected; acetaminophen 1 g",
        "pendulum exercises; arthroscopy date offered; physiotherapy for <6-12> weeks; no overhead work",
    ),
    condition(
        "lumbar disc herniation; spinal stenosis; sciatica",
        "back pain running into the calf; numb [big toe|outer foot];"
        "legs heavy after <100-600> m, better bending forward; worse with [coughing|sitting]",
        "straight leg raise <30-60> degrees; weak toe extension; bladder normal; spine tender at L<3-5>",
        "MRI with L4/5 protrusion; films with a <4-9> mm slip; nerve conduction [normal|L5 root]",
        "gabapentin [300|500|900] mg; cyclobenzaprine [5|7.5|10] mg; naproxen [250|500] mg; epidural injection",
        "core exercises; red flags explained; surgeon's clinic if weak; back to desk work in <2-6> weeks",
    ),
    condition(
        "hip osteoarthritis; hip replacement follow-up; avascular necrosis of the hip",
        "groin pain putting on [socks|boots]; limps after <200-900> m; starts stiff in the morning;"
        "needs a rail on the stairs",
        "internal rotation <0-15> degrees; Trendelenburg positive; leg <5-18> mm short; scar clean and dry",
        "films with lost joint space; components well fixed; Harris score <41-92>; CRP <2-14>",
        "acetaminophen 1 g; celecoxib [100|150|200] mg; enoxaparin 40 mg; tramadol 50 mg at night",
        "hip precautions for <6-12> weeks; replacement date offered; raised seat; films at one year",
    ),
    condition(
        "distal radius fracture; ankle fracture; a healing tibial fracture",
        "slipped on [ice|wet leaves|a rug] <2-9> weeks ago; swollen and tight cast; aches in damp weather;"
        "cannot grip [jars|a racket]",
        "fingers warm, sensation intact; ankle stiff by <10-25> degrees; tender over the fracture; wound clean",
        "films with callus; <1-4> mm step in the joint; screws in place; vitamin D <11-34> ng/mL",
        "acetaminophen 1 g; oxycodone 5 mg short course; vitamin C 500 mg; vitamin D [800|1500|2000] units",
        "cast off in <2-4> weeks; weight-bearing as tolerated; hand therapy; bone density scan",
    ),
    condition(
        "gouty arthritis; plantar fasciitis; Achilles tendinopathy; an anterior cruciate tear",
        "first steps in the morning are the worst; heel pain after [running|standing all day];"
        "popped while [skiing|playing soccer]; toe red and hot overnight",
        "tender medial heel; thick tendon; Lachman positive; swollen big toe joint",
        "urate <6.8-10.4> mg/dL; MRI with complete ligament tear; ultrasound fascia <4.5-7.2> mm",
        "allopurinol [100|150|300] mg; colchicine 0.6 mg; naproxen [250|500] mg; night splint",
        "eccentric loading; heel cups; reconstruction planned; return to sport in <6-9> months",
    ),
)
