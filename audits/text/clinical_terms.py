"""Words that are no names: clinical vocabulary with the names of physicians in it, and ordinary English words.

The lists apply to guessed names only, never to a declared or known name. The clinical terms are general medical
knowledge. `ordinary_words.txt` holds the 17,442 words that are written in lower case at least 20 times, and more
often than not, in openly licensed texts: OpenStax nursing and microbiology (CC BY 4.0), MedQuAD (CC BY 4.0), the NCBI
disease corpus (public domain), CRAFT (CC BY 3.0), arXiv metadata (CC0), and texts of the US government.
"""

import re
from functools import cache
from pathlib import Path

from audits.text.name_lists import words

# diseases, signs, procedures, anatomy and devices that are called after a person
EPONYMS = frozenset(
    words("""
achilles addison alport alzheimer angelman apgar arnold asperger auerbach babinski baker ballantyne ballard
bankart barlow barr barre barrett bartholin bartter basedow batten becker beckwith behcet bell bence berger
bernard bezold bier billroth binet bishop boerhaave bouchard bowman braden bragg braxton breslow broca brodie
brooke broselow brown brudzinski brugada budd buerger burkitt cajal calot carney caroli celsius chadwick charcot
charles cheyne chiari chopart christmas chvostek clark clostridium cobb codman colles conn cooley coombs cooper
cori corti courvoisier cowden cowper creutzfeldt crigler crohn cullen curling cushing dandy darier dequervain
devic digeorge dix dixon doppler dor douglas down dressler dubin duchenne dukes dupuytren ebstein edwards ehlers
eisenmenger epley epstein erb ewing fabry fahrenheit fallopian fallot fanconi felty finkelstein fitz flexner
foley fontan forrester fowler freeman friedreich frohlich froin galant galeazzi galen ganz gardner gartland
gaucher geiger gilbert gilles glasgow gleason glisson goodpasture gottron gower graf graves grawitz guillain
guyon hallpike hamman hansen harris hartmann hartnup harvey hashimoto hawkins heberden hegar heimlich heller
henle henoch hesselbach hickman hill hirschsprung his hodgkin hoffman hoffmann holter homan homans horner horton
howell hunter huntington hurler hutchinson jacksonian jaeger jakob jarisch jehovah jobst jones kaplan kaposi
karnofsky kartagener kasai kawasaki kayser kernig kimmelstiel kleinfelter klinefelter klippel koch kocher koplik
korsakoff krukenberg kupffer kussmaul lachman lambert landau langer langerhans lasegue leiden leopold leriche
lesch lewy leydig lhermitte libman lisfranc ludwig lund lyme lynch mallampati mallory malpighi mantoux marfan
mcburney mcmurray mcroberts meckel meissner mendelson meniere menkes merkel meyer mikulicz milligan milroy
minnesota mohs moore moro morton muller munchausen murphy naegele neer niemann nissen noonan ober osgood osler
paget pancoast parinaud parkinson patau pearl perthes peutz peyer peyronie phalen pick pierre poland pompe pott
prader pringle prinzmetal purkinje quervain quincke ramsay ranke ranson raynaud recklinghausen reed reiter rett
reye riedel rinne robin romberg roth rotor roux rovsing sachs salmonella scheuermann schilling schlatter schlemm
schmorl schwann sengstaken sertoli sever shepherd simmonds sims sistrunk sjogren smith snellen spigelian
spurling starling stein steinert stensen stevens stokes strumpell sturge swan sydenham syme takayasu takotsubo
tanner tay thomas thompson thomsen thorn tinel todd toupet tourette trendelenburg trousseau turner valsalva
vater vincent virchow volkmann waardenburg waldenstrom wallenberg waterhouse weber wegener weil wells werdnig
wernicke wharton whipple whitehead wiedemann willebrand williams willis wilms wilson winslow wirsung wiskott
wolff wolfram wood yergason zenker ziehl zollinger
adie adson alexander allen allis amsler apley argyll arneth ashworth askin auer auspitz backhaus bakes bakri
balfour bandl barthel bassini bazett beck benedict bennett berg berry birbeck blake blatchford blumberg
bochdalek bookwalter bovie broviac buck bunnell burch burow carnett chance charriere cock cormack corrigan coude
crile dalton danis deauville deaver debakey dejerine dennis denver dieulafoy dobhoff dormia doyen dubowitz duffy
duke durie durkan eschmann faber farabeuf ferguson fick fitzpatrick fleischner fogarty folstein foster
framingham frazier fridericia froment fuchs fuhrman gaenslen garden gell gelpi geneva gianturco giemsa gigli
goldmann goligher goodell gordon graham gram gridley groshong gustilo hamilton harrington hasson heaf heaney
heineke heinz henry herbert hoehn hohmann hohn hume humphrey ishak ishihara ivor jackson jefferson jobe jolly
kausch kehr kell kelly kennedy kerley kerrison kidd kielland killip king kirschner koebner lahey langenbeck lanz
lefort lehane levin lewis lichtenstein light lille lister lown lugano luque lutheran macintosh maddrey magill
maisonneuve malecot marcus maroteaux marshall mayo mcevedy mckeown mclean metzenbaum mifflin miller mixter
mobitz monteggia montgomery morgagni morison mueller nabothian nelaton neville nikolsky nottingham oakley
ogilvie ortolani osborn palmaz palmer pap papanicolaou patrick pavlik pemberton penrose pezzer pfannenstiel
poole potts pratt pugh quain quinton rai ramstedt rankin reid richardson richter robinson rochester rockall
rolando romhilt rood rossolimo ruffini russell salem salmon salter satinsky schatzker schiotz schirmer schnidt
schober segond seldinger senn shiley shouldice simon simpson souttar speed steinmann steri stinchfield tardieu
tenckhoff terry thessaly tieman tillaux tinetti toldt troisier tzanck unna veress wartenberg weiss weitlaner
wellens wenckebach westergren wickham wigby wright wrigley yahr yankauer young zavanelli zung
""")
)
DRUGS = frozenset(
    words("""
acetaminophen adderall advair albuterol aldactone allegra alprazolam ambien amiodarone amlodipine amoxicillin
ancef apixaban aspirin ativan atorvastatin augmentin azithromycin bactrim benadryl biaxin bisoprolol botox bumex
buspar calpol cardizem cefazolin ceftriaxone celebrex celexa chantix cipro ciprofloxacin claritin clindamycin
clonazepam clopidogrel co-codamol cocodamol codeine colace colchicine compazine contin coreg coumadin cozaar
crestor cymbalta decadron depakote dexamethasone diarolyte digoxin dilantin dilaudid diltiazem dioralyte diovan
doxycycline effexor eliquis enbrel ensure entresto epipen ezetimibe famotidine farxiga fentanyl flagyl flexeril
flomax flonase fluoxetine furosemide gabapentin gaviscon glipizide glucophage glucotrol haldol heparin humalog
humira humulin hydrochlorothiazide hydrocodone ibuprofen imdur imitrex imodium inderal insulin invokana januvia
jardiance keflex keppra ketorolac lamictal lamotrigine lantus lasix levaquin levemir levothyroxine lexapro
lidoderm lipitor lisinopril lithium loperamide lopressor loratadine lorazepam losartan lovenox lyrica melatonin
metformin methotrexate metoprolol miralax mobic morphine motrin naproxen neurontin nexium nitrofurantoin norco
norvasc novolog nystatin omeprazole ondansetron oxycodone oxycontin ozempic pantoprazole paracetamol paxil
pepcid percocet plavix pravastatin prednisone premarin prilosec prinivil protonix prozac ramipril remeron
remicade risperdal ritalin rivaroxaban rosuvastatin roxicodone salbutamol seroquel sertraline simvastatin
singulair spiriva suboxone symbicort synthroid tamiflu tegretol toprol toradol tramadol trazodone trileptal
trimethoprim trulicity tylenol ultram valium valtrex vancomycin ventolin vicodin voltaren warfarin wellbutrin
xanax xarelto zantac zestril zithromax zocor zofran zoloft zosyn zyprexa zyrtec
""")
)
# headings, verbs and other words that start lines of notes, as capitalised words that the ordinary words lack
NOTE_WORDS = frozenset(
    words("""
abdo abdominal adl adls admits afebrile african agrees aka allergies ambulating american angiogram ann appears
appt april arbor arrived arrives art asap asian assessment attending august auscultation awaits bilaterally bill
black british bx came cardiology cardiovascular cath catholic caucasian cc cervical chase chest chief chinese
christian christmas comes complains complaint constitutional consult consultant consulted contin continues covid
crystal currently dawn december declines denied denies dermatology describes diagnosis dictated diet disposition
drinks dw dx easter eating ecg eczema ekg endocrinology endorses english ent european exam excema extremities
facebook faith family february feels fellow fhx frank french fri friday fx gastroenterology general
genitourinary german gets gives google grace gravida guy has hayfever hazel heent hispanic history hope hosp
hospitalist hpi hx icu imp impression indian influenza informant instructed intern interventional iris is
italian january jehovah jewish joy july june labor labs lives lungs march mark may medicaid medicare medications
moderna mon monday mri musculoskeletal muslim nad needs nephrology neuro neurology nil nils nka nkda nok
november nursing obgyn objective october oncology orthopaedics orthopedics paediatrics palpation para pat
pathology pediatrics pfizer pharmacist pharmacy physical physio physiotherapy plan pmh pmhx presents prev prn
procedure psych psychiatry pulmonology radiology recommend recommendations recommended registrar remains reports
requests resident respirations respiratory resting results review rheumatology rich rose rx sat saturday says
september sleeping smokes social spanish states studies subjective sun sunday surgical sx takes telehealth
thanksgiving thu thurs thursday today tolerates tolerating tue tues tuesday tx uber understands urology uses
vascular vitals voices voiding wants was wed wednesday well white will works would yesterday
bay bed cardio derm endo ent gastro haem heme nephro onc ophthal optom ortho postcode pt pts pulm rehab resp resus uro
ward zip
""")
)
# a name before such a word is a part of a term, such as "Thomas splint"
_AFTER = re.compile(
    r"(?:['’]s)?[ -](?:and [A-Z]\w+ )?(?:disease|syndrome|sign|test|lymphoma|sarcoma|tumou?r|palsy"
    r"|phenomenon|esophagus"
    r"|oesophagus|ulcers?|cells?|bod(?:y|ies)|splint|catheter|tube|drain|score|scale|criteria|classification|stage"
    r"|reflex|chorea|dementia|an(?:a|ea)emia|arthritis|contracture|fracture|hernia|cysts?|glands?|ducts?"
    r"|ligament|tendon"
    r"|triangle|pouch|space|fascia|canal|circle|node|angle|loop|limb|operation|procedure|man(?:oe)?euver|manoeuvre"
    r"|position|index|grade|type|law|rule|point|line|patch|nodes?|stent|valve|shunt|clamp|forceps|retractor|incision"
    r"|repair|resection|bypass|stain|agar|lamp|law|respirations?|breathing|thyroiditis|hip|knee|spot"
    r"|murmur|pulse|crisis|aneurysms?|blades?|clips?|technique|needle|ports?|neg(?:ative)?|pos(?:itive)?|care(?:rs?)?|parents?|home"
    r"|carcinoma|melanoma|nevus|purpura|vasculitis|paralysis|ataxia|dystrophy|neuroma|lesion|malformation|anomaly"
    r"|tetralogy|gangrene|angina|gait|aphasia|encephalopathy|psychosis|jaundice|nephritis|granuloma"
    r"|factor|antigen|virus"
    r"|protein|antibod(?:y|ies)|coma|monitor|contractions?|curve|protocol|regimen|trial|study|equation"
    r"|formula|Arbor|II? anastomosis|anastomosis)\b"
)
_BEFORE = re.compile(
    r"\b(?:pouch|circle|sphincter|ligament|canal|bundle|loop|islets?|angle|duct|crypts?|foramen|node"
    r"|triangle|tetralogy"
    r"|man(?:oe)?euver|space|fascia|ampulla|papilla|organ|law|rule|point|line|aqueduct|vein|artery|valves?|glands?"
    r"|columns?|tubercle|sinus|layer|tunica|annulus|disease|syndrome|fracture) of (?:von |van |de )?$",
    re.IGNORECASE,
)


# first names of eponyms with two names, which are also written without "syndrome"
_PAIR = re.compile(
    r"(?:Stevens|Ann(?= Arbor)|Guillain|Creutzfeldt|Ehlers|Wolff|Charcot|Epstein|Osgood|Legg|Henoch|Peutz"
    r"|Zollinger|Budd"
    r"|Dix|Swan|Roux|Lennox|Prader|Mallory|Kimmelstiel|Braxton|Cheyne|Bence|Chvostek|Sturge|Pierre(?= Robin)|Ramsay"
    r"|Hardy(?=[ -]Weinberg)|Kaplan(?=[ -]Meier)|Austin(?= Flint)|Graham(?= Steell)|Lou(?= Gehrig))[ -][A-Z]"
)
_TITLE = re.compile(r"\b(?:[Dd][Rr]|[Mm]r|[Mm]rs|[Mm]s|[Mm]iss|[Pp]rof)\.? $")


@cache
def _ordinary_words() -> frozenset[str]:
    return frozenset((Path(__file__).parent / "ordinary_words.txt").read_text(encoding="utf-8").split())


def is_ordinary(word: str) -> bool:
    """Return whether a word is an ordinary English or clinical word in any case."""
    folded = word.casefold()
    return folded in _ordinary_words() or folded in NOTE_WORDS or folded in DRUGS


def is_vetoed(word: str) -> bool:
    """Return whether a word is a drug, or a clinical word that is never a name in a note."""
    return word.casefold() in DRUGS


def is_in_term(text: str, start: int, end: int) -> bool:
    """Return whether the words at a place are a part of a clinical term, such as "Murphy" in "Murphy sign"."""
    if _TITLE.search(text[max(0, start - 8) : start]):
        return False
    before, after = text[max(0, start - 40) : start], text[end : end + 30]
    return bool(_AFTER.match(text, end) or _BEFORE.search(before) or _PAIR.match(text[start:end] + after))
