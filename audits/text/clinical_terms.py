"""Words that usually do not name a person in a clinical note, such as "Murphy" in "Murphy sign", drugs and "April".

De-identification and the identifiers audit use these lists to avoid taking such words for names.
`ordinary_words.txt` has 17,439 words. In the openly licensed texts listed here, each word occurs in lower case at
least 20 times and more often than with capitals: OpenStax nursing and microbiology (CC BY 4.0), MedQuAD (CC BY 4.0),
the NCBI disease corpus (public domain), CRAFT (CC BY 3.0), arXiv metadata (CC0), and texts of the US government.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

from audits.text.name_lists import word_set

# mostly names of persons and places that are part of the names of diseases, signs, procedures, body parts and devices
EPONYMS = word_set("""
achilles acutrak addison adie adson alexander allen allis alport alzheimer amsler angelchik angelman anitschkow apgar
apley argyll arneth arnold aschoff ashman ashworth askin asperger auchincloss auer auerbach auspitz austin babcock
babinski backhaus baker bakes bakri balfour ballantyne ballard bandl bankart barker barlow barr barre barrett barthel
bartholin bartter basedow bassini batista batten bazett beck becker beckwith behcet beighton bell belsey bence
benedict bennett bentall berg berger bernard berry betke bezold bier billroth binet birbeck bishop blake blalock
blatchford blumberg bochdalek boerhaave bookwalter bouchard bovie bowman boyd brackmann braden bragg braxton breslow
briganti bristow broca brodie brooke brooker broselow broviac browder brown brudzinski brugada buchholz buck budd
buerger bunnell burch burkitt burow cabot cajal calot camey cantor carey carnett carney caroli catterall celsius
chadwick chance charcot charles charnley charriere cheyne chiari chopart christmas chvostek clark clostridium cobb
cock codman colles collis conn cooley coombs cooper cori cormack corrigan corti coude councilman courvoisier cowden
cowdry cowper creutzfeldt crigler crile crohn crowe cullen culp curling curschmann cushing dalton dandy danis darier
deauville deaver debakey dejerine denham dennis denver dequervain devic dieulafoy digeorge dix dixon dobhoff dohle
doppler dor dormia douglas down downey doyen dressler dubin dubowitz duchenne duffy duke dukes dunn dupuytren durie
durkan ebstein edwards ehlers eisenmenger elschnig enzinger epley epstein erb eschmann estes ewing faber fabry
fahrenheit fallopian fallot fanconi farabeuf felty ferguson ficat fick filatov finkelstein fisher fitz fitzpatrick
fleischner flexner fogarty foley folstein fontaine fontan forchheimer forrester foster fowler framingham frankel
frazier freeman fridericia friedreich frisen frohlich froin froment fuchs fuhrman furlong gaenslen galant galeazzi
galen ganz garden gardner gartland gaucher geiger gell gelpi geneva gianturco giemsa gigli gilbert gilles gilliard
glasgow gleason glisson goldmann goligher goodell goodpasture gordon gottron gower graf graham gram graves grawitz
gregoir gridley gritti groshong guarnieri guillain gunn gustilo guyon hadfield hallpike halsted hamilton hamman hansen
harrington harris hartmann hartnup harvey hashimoto hasson hautmann hawkins heaf heaney heberden hegar hegglin
heimlich heineke heinz heller henle henoch henry herbert herring hess hesselbach hickman hill hirschsprung his hodgkin
hoehn hoffman hoffmann hohmann hohn holter homan homans horner horton howell hruby huet huhner hume humphrey hunter
huntington hurler hutchinson hynes ilizarov ishak ishihara ivor jackson jacksonian jaeger jakob janeway jarisch jatene
jefferson jehovah jewett jobe jobst jolly jones kapandji kaplan kaposi karnofsky kartagener kasai katz kausch kawasaki
kayes kayser kehr kell kellgren kelly kennedy kerley kernig kerrison kidd kielland killip kimmelstiel king kirschner
kleihauer kleinfelter klinefelter klippel koch kocher kock koebner konno koplik korsakoff krantz kraske krukenberg
kuntscher kupffer kussmaul lachman lahey lambert landau langenbeck langer langerhans lanz lasegue latarjet leadbetter
lefort lehane leiden leopold leriche lerman lesch levin lewis lewy leyden leydig lhermitte libman lich lichtenstein
light lille linton lisfranc lister lown lowsley ludwig lugano lund luque lutheran lyme lynch macintosh maddrey magill
maisonneuve malecot mallampati mallory maloney malpighi mantoux marchetti marcus marfan maroteaux marshall mayo
mcburney mcevedy mckeown mclaren mclean mcmurray mcroberts meckel meissner mendelson meniere menkes merkel metzenbaum
meyer mifflin mikulicz miller milligan milroy minnesota mitrofanoff mixter mobitz mohs monteggia montgomery moore
morgagni morison moro morton mueller muller munchausen munro murphy nabothian nachlas naegele nagayama neer negri
nelaton neville niemann nikolsky nissen noonan norwood nottingham nurick oakley ober ochsner ogilvie ortolani osborn
osgood osler oswestry outerbridge paget palmaz palmer pancoast pap papanicolaou papp paprosky parinaud parkes
parkinson parkland pasteur pastia patau patey patrick pavlik pearl pelger pemberton penrose perthes pettersson peutz
peyer peyronie pezzer pfannenstiel phalen pick pierre pirogoff platt poland politano pompe poole pott potts prader
pratt pringle prinzmetal pugh purkinje putti quain quervain quincke quinton rai ramsay ramstedt ranawat ranke rankin
ranson rastelli raynaud recklinghausen reed reid reiter rett reye richardson richter riedel rinne ritchie robin
robinson rochester rockall rolando romberg romhilt rood ross rossolimo roth rotor roux rovsing ruffini rush russell
rutherford sachs sacks salem salmon salmonella salter satinsky savary schatzker schaumann schauta scheuermann
schilling schiotz schirmer schlatter schlemm schmorl schnidt schober schwann segond seldinger selvester sengstaken
senn senning sertoli sever sgarbossa shepherd shiley shirodkar shouldice siegrist simmonds simon simpson sims sistrunk
sjogren smith snellen sokolow sorbie souttar speed spigelian spurling stamm starling stein steinberg steinbrocker
steinert steinmann stensen steri stevens stimson stinchfield stokes strumpell studer sturge swan sydenham syme
takayasu takotsubo tanner tardieu taussig tay tenckhoff terry thessaly thomas thompson thomsen thorn tieman tillaux
tinel tinetti todd toldt tonnis toupet tourette trendelenburg troisier trousseau tscherne turner tzanck unna valsalva
vater veress vincent virchow volkmann waardenburg wachtel wagener waldenstrom wallenberg wartenberg waterhouse
waterston weaver weber wegener weil weiss weitlaner wellens wells wenckebach werdnig wernicke wertheim westergren
wharton whipple whitehead wickham wiedemann wigby willebrand williams willis wilms wilson winslow wirsung wiskott
witzel wolff wolfram wood wright wrigley yahr yankauer yergason young zavanelli zenker zickel ziehl zollinger zung
guedel blakemore ryle braun waterlow rouleaux levine norton bradshaw burgess denis lavallee morel roos letournel judet
tile frykman regan essex lopresti bado delbet lauge lenke risser meyerding magerl effendi kilfoyle stulberg
hartofilakidis ideberg allman rockwood stryker garth grashey laurin insall caton blackburne
""")
DRUGS = word_set("""
acetaminophen adderall advair albuterol aldactone allegra alprazolam ambien amiodarone amlodipine amoxicillin ancef
apixaban aspirin ativan atorvastatin augmentin azithromycin bactrim benadryl biaxin bisoprolol botox bumex buspar
calpol cardizem cefazolin ceftriaxone celebrex celexa chantix cipro ciprofloxacin claritin clindamycin clonazepam
clopidogrel co-codamol cocodamol codeine colace colchicine compazine contin coreg coumadin cozaar crestor cymbalta
decadron depakote dexamethasone diarolyte digoxin dilantin dilaudid diltiazem dioralyte diovan doxycycline effexor
eliquis enbrel ensure entresto epipen ezetimibe famotidine farxiga fentanyl flagyl flexeril flomax flonase fluoxetine
furosemide gabapentin gaviscon glipizide glucophage glucotrol haldol heparin humalog humira humulin
hydrochlorothiazide hydrocodone ibuprofen imdur imitrex imodium inderal insulin invokana januvia jardiance keflex
keppra ketorolac lamictal lamotrigine lantus lasix levaquin levemir levothyroxine lexapro lidoderm lipitor lisinopril
lithium loperamide lopressor loratadine lorazepam losartan lovenox lyrica melatonin metformin methotrexate metoprolol
miralax mobic morphine motrin naproxen neurontin nexium nitrofurantoin norco norvasc novolog nystatin omeprazole
ondansetron oxycodone oxycontin ozempic pantoprazole paracetamol paxil pepcid percocet plavix pravastatin prednisone
premarin prilosec prinivil protonix prozac ramipril remeron remicade risperdal ritalin rivaroxaban rosuvastatin
roxicodone salbutamol seroquel sertraline simvastatin singulair spiriva suboxone symbicort synthroid tamiflu tegretol
toprol toradol tramadol trazodone trileptal trimethoprim trulicity tylenol ultram valium valtrex vancomycin ventolin
vicodin voltaren warfarin wellbutrin xanax xarelto zantac zestril zithromax zocor zofran zoloft zosyn zyprexa zyrtec
abilify aciclovir actonel adalat adcal aggrenox akovaz alendronate alimta allopurinol amikacin amitriptyline
anastrozole aricept arimidex aripiprazole asacol atenolol atrovent avastin avelox avodart azathioprine azilect
baclofen benazepril benicar betadine bisacodyl boniva bosentan breo brilinta budesonide bupropion buscopan bydureon
byetta calcichew calcitriol candesartan captopril carbamazepine carbidopa carvedilol cefepime cefuroxime cephalexin
cetirizine chlorhexidine cialis citalopram clexane clomid clotrimazole clozapine clozaril combivent comtan concerta
copaxone creon cyclizine cyclosporine dapagliflozin daptomycin desmopressin detrol dexilant diazepam diclofenac
differin diflucan digibind dipyridamole ditropan dobutamine docusate domperidone donepezil doxazosin dulera duloxetine
duoneb duragesic dyazide edarbi eligard emla empagliflozin enalapril epogen ertapenem escitalopram esomeprazole
estradiol etoposide euthyrox evista exelon exforge faslodex feldene felodipine femara fexofenadine finasteride
fioricet flovent fluconazole fludrocortisone forteo fosamax fosinopril fragmin fucidin gabitril gentamicin geodon
gleevec gliclazide glucerna glyburide granisetron herceptin hydralazine hydroxychloroquine hyoscine hyzaar ibrance
implanon ipratropium irbesartan isosorbide ivermectin jantoven janumet kaletra kapidex kenalog ketamine kineret
klonopin labetalol lactulose lamisil latanoprost latuda laxido lescol letrozole leucovorin levalbuterol levetiracetam
levocetirizine linagliptin liraglutide lomotil lotrel lucentis lunesta lupron macrobid macrodantin madopar malarone
maxalt maxolon maxzide meclizine megace meloxicam memantine meropenem mesalamine mestinon methadone methimazole
metoclopramide metronidazole micardis midazolam minocycline mirapex mirena mirtazapine modafinil montelukast mounjaro
movicol mucinex mycophenolate nabumetone naloxone namenda naprosyn narcan nasonex neulasta nexplanon niaspan
nicorandil nifedipine nitroglycerin normodyne nortriptyline novorapid nuvaring nuvigil olanzapine olmesartan omnicef
opdivo orlistat oseltamivir oxybutynin oxytrol pamelor parnate pentasa perindopril phenytoin pitavastatin pitocin
plaquenil pradaxa pramipexole prandin prednisolone pregabalin pristiq procardia prochlorperazine procrit prograf
prolia promethazine propofol propranolol proscar provera provigil pulmicort questran quetiapine quinapril ranexa
ranolazine rapamune reglan relafen renvela repatha requip restoril revlimid rituxan rituximab robaxin ropinirole
salmeterol sandimmune savella semaglutide senna sensipar septra seretide serevent sinemet sirolimus skelaxin
solifenacin solu-medrol sotalol spironolactone stelara stilnox strattera sudafed sumatriptan synvisc tacrolimus
tamoxifen tamsulosin tazocin telmisartan temazepam tenormin terazosin terbinafine theophylline ticagrelor timolol
tiotropium tizanidine tobramycin topamax topiramate torsemide tradjenta trandolapril trelegy tresiba tricor truvada
uloric unasyn valacyclovir valproate valsartan vasotec venlafaxine verapamil versed vesicare viagra victoza vigamox
viibryd vimpat voltarol vytorin vyvanse wegovy xalatan xgeva xifaxan xolair xopenex yasmin zanaflex zebeta zestoretic
zetia ziac zithro zolpidem zometa zonegran zopiclone zovirax zyban zyloprim zyvox acarbose adalimumab alirocumab
ambrisentan amlostin anoro apidra aranesp aubagio azopt bevespi bonjela braltus brimonidine brivaracetam bumetanide
buprenorphine buvidal cabergoline canesten carbimazole cefalexin ceftazidime celecoxib cinacalcet clenil clobazam
cosentyx crizanlizumab dalteparin darbepoetin denosumab dermol diprobase dorzolamide dovobet doxorubicin dupixent
dupilumab edoxaban emerade enoxaparin entyvio epimax eplerenone epoetin eprex espranor etanercept eylea febuxostat
fiasp fostair fultium fybogel gamanil ganfort gelclair glandosane golimumab hiprex hydromol infliximab insulatard
invega ivabradine kay-cee-l lacosamide lanreotide lansoprazole laxoberal levobunolol lixiana longtec lucozade lyumjev
macrogol mebeverine mepolizumab mesren methylphenidate mezolar micralax mirabegron mometasone moviprep naltrexone
nebivolol nefopam nivolumab novomix nozinan nutrizym octreotide omalizumab oramorph ospemifene oxytocin paliperidone
pembrolizumab phosex picolax plenvu prucalopride pylera pyridostigmine ramucirumab rasburicase rennie retacrit
rifaximin risankizumab riluzole risperidone sacubitril salofalk saxenda secukinumab semglee sevelamer sevredol shortec
sildenafil simponi skyrizi solaraze spiolto sublocade subutex sulfasalazine sulpiride suxamethonium symkevi tadalafil
tapentadol targocid teicoplanin telfast tenecteplase terlipressin testogel tildiem tocilizumab toujeo tranexamic
trimbow trimovate uniphyllin ursodeoxycholic ustekinumab vagifem vedolizumab vesomni vortioxetine xaggitin xultophy
zapain zemtard zoladex zomorph zonisamide
""")
# dressings, sutures, feeds, tubes and other devices by their trade names
PRODUCTS = word_set("""
airvo allevyn ambu aquacel biatain calogen cavilon cellona comfeel dermabond dexcom dreamstation duoderm ethibond
ethilon flocare fortijuce fortisip fresubin glidescope graseby granuflex igel i-gel inadine jelonet jevity kerlix
kliniderm libre mepilex mepitel mepore micropore monocryl nutilis nutrison omnipod opsite optiflow osmolite peptamen
permacath philos portacath port-a-cath prolene scotchcast sorbsan stedy steristrip steri-strip tegaderm tesio urgotul
vascath vas-cath velcro vicryl xeroform zimmer
""")
# genera of bacteria, fungi, parasites and viruses
ORGANISMS = word_set("""
achromobacter acinetobacter actinomyces aerococcus aeromonas aggregatibacter alcaligenes ascaris aspergillus babesia
bacillus bacteroides bartonella bifidobacterium blastomyces bordetella borrelia brucella burkholderia campylobacter
candida capnocytophaga cardiobacterium chlamydia chlamydophila chryseobacterium citrobacter clostridioides clostridium
coccidioides corynebacterium coxiella cronobacter cryptococcus cryptosporidium cunninghamella cutibacterium cyclospora
echinococcus edwardsiella ehrlichia eikenella elizabethkingia entamoeba enterobacter enterococcus enterovirus
erysipelothrix escherichia eubacterium exophiala finegoldia francisella fusarium fusobacterium gardnerella gemella
giardia haemophilus hafnia helicobacter histoplasma kingella klebsiella kluyvera kocuria lactobacillus leclercia
legionella leishmania leptospira leuconostoc listeria malassezia microsporum moraxella morganella mucor mycobacterium
mycoplasma naegleria neisseria nocardia ochrobactrum onchocerca orientia paenibacillus pantoea parvimonas pasteurella
peptostreptococcus plasmodium plesiomonas pneumocystis porphyromonas prevotella propionibacterium proteus providencia
pseudomonas ralstonia raoultella rhizopus rhodococcus rickettsia rothia saccharomyces salmonella scedosporium
schistosoma serratia shewanella shigella sphingomonas sporothrix staphylococcus stenotrophomonas streptobacillus
streptococcus strongyloides taenia talaromyces toxocara toxoplasma treponema trichinella trichomonas trichophyton
trichosporon trichuris tropheryma trypanosoma ureaplasma veillonella vibrio wuchereria yersinia
""")
# Words that often have a capital in notes and usually do not name a person: headings, first words of lines, months,
# weekdays, abbreviations, parts of the body, and ordinary words that are also given names, such as "mark".
# About 170 of them are also in `ordinary_words.txt`.
NOTE_WORDS = word_set("""
abdo abdominal adl adls admits afebrile african agrees aka allergies ambulating american angiogram ann appears appt
april arbor arrived arrives art asap asian assessment attending august auscultation awaits bilaterally bill black
british bx came cardiology cardiovascular cath catholic caucasian cc cervical chase chest chief chinese christian
christmas comes complains complaint constitutional consult consultant consulted contin continues covid crystal
currently dawn december declines denied denies dermatology describes diagnosis dictated diet disposition drinks dw dx
easter eating ecg eczema ekg endocrinology endorses english ent european exam excema extremities facebook faith family
february feels fellow fhx frank french fri friday fx gastroenterology general genitourinary german gets gives google
grace gravida guy has hayfever hazel heent hispanic history hope hosp hospitalist hpi hx icu imp impression indian
influenza informant instructed intern interventional iris is italian january jehovah jewish joy july june labor labs
lives lungs march mark may medicaid medicare medications moderna mon monday mri musculoskeletal muslim nad needs
nephrology neuro neurology nil nils nka nkda nok november nursing obgyn objective october oncology orthopaedics
orthopedics paediatrics palpation para pat pathology pediatrics pfizer pharmacist pharmacy physical physio
physiotherapy plan pmh pmhx presents prev prn procedure psych psychiatry pulmonology radiology recommend
recommendations recommended registrar remains reports requests resident respirations respiratory resting results
review rheumatology rich rose rx sat saturday says september sleeping smokes social spanish states studies subjective
sun sunday surgical sx takes telehealth thanksgiving thu thurs thursday today tolerates tolerating tue tues tuesday tx
uber understands urology uses vascular vitals voices voiding wants was wed wednesday well white will works would
yesterday bay bed cardio derm endo gastro haem heme nephro onc ophthal optom ortho postcode pt pts pulm rehab resp
resus uro ward zip anaes anes cards ccot cvicu gsurg gynae gyne hdu itu lscs micu neph nicu nsgy paeds palls peds picu
rads sicu sdec smops vasc ahpra cpso dea gmc hcpc nmc npi adnexal anal antecubital aortic arom axillary basilar
brachial bronchial caecal calcaneal carotid cecal cerebellar cerebral ciwa clavicular coccygeal colonic costal digital
dorsal duodenal epigastric femoral fibular fwb gluteal hepatic humeral ileal iliac inguinal jejunal jugular labial
lumbar malleolar mandibular maxillary mitral nwb occipital orbital ovarian palmar pancreatic parietal patellar
pericardial perineal peroneal plantar pleural popliteal prom prostatic pwb radial rectal renal rom sacral saphenous
scapular scrotal sigmoid splenic sternal subclavian suprapubic sural temporal thoracic tibial tricuspid twb ulnar
umbilical ureteric uterine vaginal vertebral vesical volar vulval wbat zygomatic audiology hepatology optometry
ophthalmology otolaryngology podiatry rheum
""")
_NEVER_PERSONS = DRUGS | PRODUCTS | ORGANISMS
# a name before this pattern is a part of a term, such as "Thomas splint"
_AFTER = re.compile(
    r"(?:['’]s)?[ -](?:and [A-Z]\w+ )?(?:(?:type )?(?:[IVX]{1,4}|\d[A-C]?) )?(?:(?:depression|coma|pain|risk|activity"
    r"|severity|prognostic|sedation|trauma) )?(?:disease|pupils?|dilators?|charts?|nodules?|habitus|wort|collars?"
    r"|chromosomes?|variant|sutures?|syndrome|sign|test|lymphoma|sarcoma|tumou?r|palsy|phenomenon|esophagus|oesophagus"
    r"|ulcers?|cells?|bod(?:y|ies)|splint|catheter|tube|drain|score|scale|criteria|classification|stage|reflex|stool"
    r"|chorea|dementia|an(?:a|ea)emia|arthritis|contracture|fracture|hernia|cysts?|glands?|ducts?|ligament|tendon"
    r"|triangle|pouch|space|fascia|canal|circle|node|angle|loop|limb|operation|procedure|man(?:oe)?euver|manoeuvre"
    r"|position|index|grade|type|law|rule|point|line|patch|nodes?|stent|valve|shunt|clamp|forceps|retractor|incision"
    r"|repair|resection|bypass|stain|agar|lamp|law|respirations?|breathing|thyroiditis|hip|knee|spot|murmur|pulse"
    r"|crisis|aneurysms?|blades?|clips?|technique|needle|ports?|neg(?:ative)?|pos(?:itive)?|care(?:rs?)?|parents?|home"
    r"|carcinoma|melanoma|nevus|purpura|vasculitis|paralysis|ataxia|dystrophy|neuroma|lesion|malformation|anomaly"
    r"|tetralogy|gangrene|angina|gait|aphasia|encephalopathy|psychosis|jaundice|nephritis|granuloma|factor|antigen"
    r"|virus|protein|antibod(?:y|ies)|coma|monitor|contractions?|curve|protocol|regimen|trial|study|equation|formula"
    r"|Arbor|II? anastomosis|anastomosis)\b"
)
# a name after this pattern is a part of a term, such as "circle of Willis"
_BEFORE = re.compile(
    r"\b(?:pouch|circle|sphincter|ligament|canal|bundle|loop|islets?|angle|duct|crypts?|foramen|node|triangle"
    r"|tetralogy|man(?:oe)?euver|space|fascia|ampulla|papilla|organ|law|rule|point|line|aqueduct|vein|artery|valves?"
    r"|glands?|columns?|tubercle|sinus|layer|tunica|annulus|disease|syndrome|fracture) of (?:von |van |de )?$",
    re.IGNORECASE,
)
# a double eponym, such as "Guillain-Barré", is a term even without a word such as "syndrome" after it
_PAIR = re.compile(
    r"(?:Stevens|Ann(?= Arbor)|Guillain|Creutzfeldt|Ehlers|Wolff|Charcot|Epstein|Osgood|Legg|Henoch|Peutz|Zollinger"
    r"|Budd|Dix|Swan|Roux|Lennox|Prader|Mallory|Kimmelstiel|Braxton|Cheyne|Bence|Chvostek|Sturge|Pierre(?= Robin)"
    r"|Ramsay|Hardy(?=[ -]Weinberg)|Kaplan(?=[ -]Meier)|Marcus(?= Gunn)|Salter(?=[ -]Harris)|Lund(?=[ -]Browder)"
    r"|House(?=[ -]Brackmann)|Mary(?= Joseph)|Miller(?= Fisher)|Glasgow(?=[ -]Blatchford)|Austin(?= Flint)"
    r"|Graham(?= Steell)|Lou(?= Gehrig))[ -][A-Z]"
)
# a name after a title is the name of a person, even if a word such as "sign" follows
_TITLE = re.compile(r"\b(?:[Dd][Rr]|[Mm]r|[Mm]rs|[Mm]s|[Mm]iss|[Pp]rof)\.? $")


@cache
def _ordinary_words() -> frozenset[str]:
    return frozenset((Path(__file__).parent / "ordinary_words.txt").read_text(encoding="utf-8").split())


def is_ordinary(word: str) -> bool:
    """Return whether a word is an ordinary English or clinical word, ignoring case.

    The words are those of `ordinary_words.txt`, `NOTE_WORDS`, `DRUGS`, `PRODUCTS` and `ORGANISMS`. Some of them, such
    as "grace", can still name a person.
    """
    folded = word.casefold()
    return folded in _ordinary_words() or folded in NOTE_WORDS or folded in _NEVER_PERSONS


def is_never_person(word: str) -> bool:
    """Return whether a word never names a person in a note, because it is a drug, a product or an organism.

    Case is ignored. Each of these words is also ordinary (`is_ordinary`).
    """
    return word.casefold() in _NEVER_PERSONS


def is_eponym(word: str) -> bool:
    """Return whether a word is in `EPONYMS`, ignoring case and accents."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)) in EPONYMS


def is_in_term(text: str, start: int, end: int) -> bool:
    """Return whether the name text[start:end] is a part of a clinical term, such as "Murphy" in "Murphy sign"."""
    if _TITLE.search(text[max(0, start - 8) : start]):
        return False
    before, after = text[max(0, start - 40) : start], text[end : end + 30]
    if any(word.casefold() in ORGANISMS for word in before[-25:].split()[-1:]):
        return True  # the name of a variety of the organism, such as "Newport" in "Salmonella Newport"
    return bool(_AFTER.match(text, end) or _BEFORE.search(before) or _PAIR.match(text[start:end] + after))
