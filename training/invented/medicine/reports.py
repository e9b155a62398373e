"""Phrases for reports of imaging, pathology and procedures; all phrases of one report fit together."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One kind of test, with alternative phrases for its report; ranges and choices are written as in `Illness`."""

    kind: str  # radiology, pathology or procedure
    study: str  # name of the test, the specimen or the procedure
    reasons: tuple[str, ...]
    methods: tuple[str, ...]
    findings: tuple[str, ...]
    conclusions: tuple[str, ...]


def _reports(kind: str, text: str) -> tuple[Report, ...]:
    """Return the reports listed in a text, with an empty line between reports.

    Each report has five lines: study, reasons, methods, findings, conclusions. The last four are lists separated by
    semicolons.
    """
    found = []
    for block in text.strip().split("\n\n"):
        study, *lists = block.split("\n")
        reasons, methods, findings, conclusions = (tuple(item.strip() for item in line.split(";")) for line in lists)
        found.append(
            Report(
                kind=kind, study=study, reasons=reasons, methods=methods, findings=findings, conclusions=conclusions
            )
        )
    return tuple(found)


REPORTS = (
    *_reports(
        "radiology",
        """
CT head without contrast
sudden severe headache; fall on anticoagulants; new confusion
axial slices with coronal reformats; thin slices, brain and bone windows
no intracranial haemorrhage; preserved grey-white differentiation; ventricles and sulci prominent for age;\
 periventricular low density; basal cisterns patent; no skull fracture; mucosal thickening in the maxillary antra
no acute bleed; moderate small vessel disease; involutional change only

Chest radiograph, PA
cough and fever; query effusion; line position check
single erect view; AP supine film, rotated
patchy opacity in the (left|right) lower zone; blunting of the costophrenic angle; heart not enlarged;\
 no pneumothorax; tip of the line in the lower SVC; degenerate thoracic spine; hila unremarkable
(left|right) basal consolidation, repeat in six weeks; small effusion; satisfactory line position

CT pulmonary angiogram
pleuritic pain with raised D-dimer; collapse after hip surgery
60~80 ml of contrast with bolus tracking; arterial phase, adequate opacification
filling defect in the (left|right) lower lobe artery; RV to LV ratio of 0.8~1.4;\
 wedge of ground glass peripherally; no pleural fluid; a 4~6 mm nodule in the lingula; nodes not enlarged
acute pulmonary emboli without strain; emboli with right heart strain; nodule for follow up

Ultrasound abdomen
right upper quadrant pain; deranged liver tests; jaundice
curvilinear probe, fasted; limited by bowel gas
gallbladder holds several 4~11 mm stones; wall of 2~5 mm; common duct 4~9 mm; echo bright liver; spleen 9~13 cm;\
 kidneys without hydronephrosis; pancreas obscured by gas
gallstones without cholecystitis; fatty liver; dilated duct, MRCP advised

MRI lumbar spine
leg pain down to the foot; saddle numbness; failed physiotherapy
sagittal T1 and T2, axial T2; no contrast
disc desiccation at the lower two levels; (left|right) paracentral protrusion at L4/5; nerve root displaced in the\
 lateral recess; facet hypertrophy; conus ends at L1; no marrow lesion; canal measures 9~13 mm
root compression that fits the symptoms; no cauda equina compression; mild canal narrowing

MRI knee
twisting injury at football; locking; swelling since a fall
proton density with fat saturation; three planes
complex tear of the posterior horn of the medial meniscus; cruciates intact; bone bruise of the lateral condyle;\
 moderate effusion; cartilage thinning over the patella; Baker's cyst of 2~4 cm
medial meniscal tear; early patellofemoral wear; orthopaedic opinion suggested

Mammogram, bilateral
palpable lump; family history; routine recall
craniocaudal and oblique views; tomosynthesis added
scattered fibroglandular tissue; spiculated density in the upper outer quadrant;\
 cluster of pleomorphic calcification; skin not thickened; axillary node with thick cortex; opposite breast clear
(left|right) M5 lesion, biopsy today; BI-RADS 4; benign calcification only

Obstetric growth scan
reduced fundal height; diabetes in pregnancy; previous small baby
transabdominal; third trimester
cephalic; placenta posterior and high; abdominal circumference on the 8~30th centile;\
 estimated weight 1850~2950 g; liquor pocket 3~6 cm; umbilical doppler with end diastolic flow; fetal heart 132~150
growth along the previous centile; slowing of growth, repeat in two weeks; normal dopplers

CT abdomen and pelvis
weight loss with anaemia; acute abdomen; pain in the left iliac fossa
portal venous phase; oral contrast not given
segment of thickened sigmoid with fat stranding; several diverticula; no free gas;\
 2~4 cm collection beside the colon; liver without focal lesion; kidneys enhance equally; aorta of normal calibre
acute diverticulitis; contained perforation; colonoscopy after recovery

X-ray left wrist
fall on outstretched hand; pain in the snuffbox
two views; scaphoid views added
transverse fracture of the distal radius; dorsal angulation of 12~28 degrees; ulnar styloid avulsed;\
 carpus aligned; bones look thin; soft tissue swelling
Colles type fracture; no scaphoid fracture seen; bone density advised

Ultrasound thyroid
neck lump; hoarse voice; goitre with normal hormones
high frequency linear probe; both lobes and neck levels
(left|right) lobe nodule of 14~31 mm, solid and hypoechoic; microcalcification; isthmus 3 mm;\
 other lobe homogeneous; no enlarged nodes; trachea central
U4 nodule, needle sampling done; U2 benign nodule; multinodular goitre

DEXA bone density
early menopause; steroids for a year; hip fracture in a parent
lumbar spine and (left|right) hip; L3 excluded for wear
spine T score -1.4; neck of femur T score -2.7; Z score -0.8; loss of 3~6% since the last scan; no wedge fractures
osteoporosis at the hip; osteopenia of the spine; treatment advised
""",
    ),
    *_reports(
        "pathology",
        """
Skin ellipse, back
changing mole; previous melanoma
formalin fixed, inked, 4 blocks; ellipse of 28 x 11 x 9 mm
asymmetrical proliferation of atypical melanocytes; pagetoid spread; Breslow thickness 0.6~1.9 mm;\
 mitoses 0~3 per mm2; no ulceration; deep margin clear by 3~6 mm; lymphocytes brisk
superficial spreading melanoma, pT1b; completely excised; wider excision by MDT

Colonic biopsies
chronic diarrhoea; surveillance of colitis; polyp
six fragments, 2 to 4 mm; stained with H&E
crypt architecture distorted; basal plasma cells; neutrophils in crypts; no granulomas;\
 low grade dysplasia in one piece; collagen band not thickened
chronic active colitis; tubular adenoma with low grade dysplasia; no evidence of microscopic colitis

Breast core biopsy
M5 mass at 2 o'clock; calcification
five cores of 12~18 mm; immunostains done
invasive ductal carcinoma, grade 2; associated DCIS; ER 8/8, PR 6/8; HER2 1+; no vascular invasion; Ki-67 of 12~34%
B5b malignant; hormone sensitive tumour; for discussion with imaging

Prostate biopsies
PSA 7~19; PI-RADS 4 lesion
twelve cores by transperineal route; perineural stain
adenocarcinoma in 3~6 cores; Gleason 3+4; longest run 5~9 mm; perineural spread seen; seminal vesicle not sampled
acinar carcinoma, grade group 2; benign left side; inflammation only

Endometrial pipelle
postmenopausal bleeding; thick lining
tissue of 2~5 ml, all embedded; scanty fragments
crowded glands; back to back pattern; squamous morules; nuclei of low grade; stroma reduced; p53 wild type
endometrioid carcinoma, grade 1; atypical hyperplasia; inactive endometrium

Bone marrow trephine
pancytopenia; paraprotein of 24~41 g/L
12~18 mm core, decalcified; aspirate particulate
plasma cells 22~48%; lambda restricted; CD138 positive sheets; residual erythroid islands; fibrosis grade 1;\
 iron present
plasma cell myeloma; reactive plasmacytosis excluded; cytogenetics to follow

Needle aspirate, thyroid
solid nodule of 22 mm; U4 on scan
two passes, four slides; liquid preparation
cellular; papillary groups; nuclear grooves; pseudoinclusions; scant colloid
Thy5, papillary carcinoma; Thy3f follicular; repeat for scant cells

Placenta
growth restriction; stillbirth at term; pre-eclampsia
trimmed weight 310~420 g; three vessel cord
distal villous hypoplasia; accelerated maturation; infarcts over 10~20% of the disc; decidual vasculopathy;\
 membranes without inflammation
maternal vascular malperfusion; no chorioamnionitis; small for dates placenta
""",
    ),
    *_reports(
        "procedure",
        """
Colonoscopy
positive FIT; iron deficiency; surveillance
midazolam 2 mg and fentanyl 50 micrograms; Entonox only, bowel prep good
caecum reached in 6~14 minutes; 7~12 mm sessile polyp in the ascending colon, cold snared; sigmoid diverticula;\
 retroflexion shows small piles; withdrawal time 8 minutes; no bleeding at the end
two polyps removed; repeat in three years; histology awaited

Upper GI endoscopy
heartburn with trouble swallowing; melaena; anaemia
throat spray; light sedation with midazolam 2 mg
Z line at 38~40 cm; grade B oesophagitis; 3 cm hiatus hernia; antral erosions; D2 normal and biopsied; CLO test taken
reflux oesophagitis; eradicate H pylori if positive; PPI for eight weeks

Coronary angiogram
troponin positive chest pain; positive stress echo
(right|left) radial, 6F; heparin 5000 units
left main free of disease; LAD 80~90% mid vessel; circumflex minor irregularity; RCA dominant, 40% proximal;\
 one drug eluting stent 3.0 x 18 mm; TIMI 3 flow after; band on the wrist
single vessel PCI to LAD; dual antiplatelets for 12 months; home tomorrow if well

Transthoracic echocardiogram
new murmur; breathlessness; before chemotherapy
parasternal and apical windows; fair image quality
EF 35~62%; septum 11~14 mm; aortic peak velocity 1.6~4.3 m/s; mild mitral regurgitation; TAPSE 15~22 mm;\
 left atrium dilated; no pericardial fluid; PA pressure 28~52 mmHg
moderate aortic stenosis; mildly reduced LV function; no significant valve disease

Laparoscopic cholecystectomy
biliary colic; cholecystitis six weeks ago
general anaesthetic, four ports; Hasson entry, 12 mmHg
omental adhesions taken down; critical view obtained; cystic duct and artery clipped;\
 gallbladder off its bed by diathermy; bile spill washed out; bag retrieval through the umbilicus; loss under 50 ml
straightforward removal; home the same day; histology routine

Total hip replacement
end stage arthritis; night pain despite tablets
spinal with sedation; lateral position, posterior approach
acetabulum reamed to 52~54 mm; uncemented cup with two screws; cemented stem size 2; 32 mm head;\
 leg lengths equal; capsule repaired; tranexamic acid at closure
full weight bearing; hip precautions for six weeks; LMWH for 28 days

Lumbar puncture
headache with fever; demyelination work up; CT negative thunderclap headache
left lateral, L3/4, aseptic; 22G atraumatic needle
opening pressure 14~27 cm; clear fluid; four bottles and a paired glucose; one pass; plaster on; lay flat 30 minutes
no complication; await cells and xanthochromia; raised opening pressure

Caesarean section
failure to progress; breech; fetal distress at 6 cm
spinal topped up; category 2, Pfannenstiel
lower segment incision; live infant in OP position, Apgars 8 and 9; placenta complete;\
 uterus closed in two layers; tubes and ovaries normal; loss 450~900 ml; catheter clear
mother and baby to recovery; antibiotics given; LMWH six hours after

Chest drain insertion
large effusion; pneumothorax of 4 cm; empyema
ultrasound marked, safe triangle; 12F Seldinger, lidocaine 10 ml
straw fluid, 900~1500 ml in the first hour; swinging well; no air leak; pain 3 out of 10;\
 samples for pH, cytology, culture
film shows good position; clamp after 1.5 L; daily drain chart

Flexible cystoscopy
visible haematuria; recurrent infections
local gel, dorsal lithotomy; antibiotic single dose
urethra normal; bilobar prostate; trabeculated wall; 8~15 mm papillary growth by the left orifice;\
 clear efflux both sides
list for TURBT; CT urogram; no tumour seen

Lung function
breathless on effort; before methotrexate; smoker's cough
seated, three blows; helium dilution
FEV1 48~71% of predicted; ratio 0.52~0.66; reversibility 4~9%; TLC 108~124%; transfer factor 46~68%
moderate obstruction; emphysema pattern; no bronchodilator response
""",
    ),
)
