"""Names, addresses, occupations, pastimes and events of the fictional people, and everyday medical phrases."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(";") if item.strip())


FEMALE_NAMES = _words(
    "Mary; Elena; Priya; Aisha; Grace; Hannah; Ingrid; Yuki; Rosa; Fatima; Chloe; Margaret; Beatriz; Olga; Naomi;"
    "Wanda; Thandiwe; Lucia; Sofia; Marisol; Keiko; Amara; Siobhan; Greta; Judith; Paula; Denise; Carmen; Leila;"
    "Brigitte; Tamsin; Odalys; Nkechi; Perpetua; Anneliese; Zsofia; Ottoline; Mireille; Saoirse; Rukmini; Dorothy;"
    "Ruth; Helen; Alice; Emma; Laura; Sarah; Karen; Linda; Susan; Joyce; Evelyn; Irene; Gloria; Teresa; Monica; Ana"
)
MALE_NAMES = _words(
    "James; Omar; Wei; Carlos; Andre; Piotr; Samuel; Rajesh; Kwame; Luis; Viktor; Henry; Tomas; Ibrahim; Dylan;"
    "Eamon; Hiroshi; Mateo; Jonas; Felix; Gerald; Ronald; Walter; Curtis; Ezekiel; Anselm; Bartholomew; Nikolai;"
    "Desmond; Cyrus; Thaddeus; Olumide; Casimir; Leopold; Ignatius; Rafael; Stefan; George; Peter; David; Michael;"
    "Robert; Daniel; Thomas; Paul; Kevin; Brian; Edward; Frank; Raymond; Harold; Arthur; Victor; Oscar; Jorge; Ali"
)
LAST_NAMES = _words(
    "Okafor; Lindqvist; Marchetti; Patel; Nguyen; Kowalski; Hernandez; Abernathy; Castellanos; Dubois; Eriksen;"
    "Fitzgerald; Goldberg; Haddad; Ivanova; Jankowski; Kaplan; Larsen; Moreau; Nakamura; O'Brien; Petrov; Quigley;"
    "Rosales; Schwartz; Tanaka; Umarov; Vasquez; Whitfield; Xiong; Yilmaz; Zielinski; Ashworth; Birdsong; Copeland;"
    "Delacroix; Engstrom; Farrow; Gallagher; Holloway; Ibarra; Jephcott; Kirkbride; Lovelace; Merriweather; Norquist;"
    "Oyelaran; Pemberton; Quintana; Rutherford; Standish; Thistlewood; Underhill; Villanueva; Wexford; Yarborough;"
    "Achterberg; Brambilla; Czerny; Dragomir; Etxeberria; Fairweather; Grzelak; Hossain; Ilves; Jovanovic; Kealoha;"
    "Lungu; Mbeki; Nordstrom; Onyango; Papadakis; Rangarajan; Szabo; Toivonen; Uzun; Vandermeer; Wojcik; Yamada;"
    "Zapata; Smith; Johnson; Brown; Davis; Miller; Wilson; Anderson; Thomas; Taylor; Moore; Martin; Lee; Garcia;"
    "Martinez; Robinson; Clark; Lewis; Walker; Young; Allen; King; Wright; Hill; Green; Adams; Baker; Nelson; Carter;"
    "Mitchell; Roberts; Turner; Phillips; Campbell; Parker; Evans; Edwards; Collins; Stewart; Morris; Rogers; Reed"
)
MAIL_HOSTS = _words("example.org; example.com; example.net; mail.example.org; post.example.net")
STREETS = _words(
    "Alder Court; Birchwood Lane; Canal Street; Dovecote Road; East Quarry Avenue; Ferry Street; Granite Way;"
    "Hawthorn Drive; Ironbridge Road; Juniper Place; Kestrel Lane; Larkspur Avenue; Mill Pond Road; Northgate Street;"
    "Orchard Terrace; Paddock Lane; Quince Street; Ridgeline Drive; Saltmarsh Road; Tannery Row; Upland Avenue;"
    "Vineyard Court; Wharf Street; Yew Tree Road"
)
# invented towns; the last two digits of the postal code are drawn
TOWNS = _words(
    "Marlow Falls, VT 054{zip}; Pinehollow, OR 973{zip}; Graybridge, MA 013{zip}; Cedar Narrows, MI 498{zip};"
    "Stonewick, PA 168{zip}; Harrow Bend, IL 619{zip}; Lakemoor, WI 541{zip}; Port Ellery, ME 046{zip};"
    "Dunmore Springs, CO 814{zip}; Quail Crossing, AZ 863{zip}; Fallow Creek, TN 384{zip}; Westering, NY 129{zip}"
)
OCCUPATIONS = _words(
    "retired tram driver; piano tuner; beekeeper; night-shift baker; court interpreter; crane operator; glass "
    "blower;primary school caretaker; ferry deckhand; watch repairer; oboe teacher; dairy farmer; roofing "
    "contractor;museum guard; long-haul trucker; seamstress for a theater; cheese maker; locksmith; tax clerk; sign "
    "painter;chimney sweep; flight dispatcher; dog groomer; tunnel engineer; wedding photographer; postal "
    "sorter;saddle maker;librarian on a mobile bus; hospital porter; ice-rink mechanic; tea importer; quarry "
    "foreman; violin restorer;call-center supervisor; lighthouse volunteer; oyster farmer; ballet accompanist; bus "
    "inspector; pest controller;furniture upholsterer; school crossing guard; map archivist; ski-lift operator; "
    "printer of menus; coffin maker;tile setter; swimming coach; wind-turbine fitter; parish organist; elevator "
    "technician; florist;mushroom grower;puppet carver; customs officer; sheep shearer; bookbinder; casino dealer; "
    "stonemason; brewery chemist; notary"
)
PASTIMES = _words(
    "breeds racing pigeons; sings bass in a barbershop quartet; restores pinball machines; collects railway "
    "lanterns;plays the hurdy-gurdy; builds ships in bottles; runs a chess club for teenagers; keeps three "
    "tortoises;forages for morels; carves decoy ducks; swims in the lake all winter; judges pie contests; writes "
    "crosswords;repairs typewriters; raises monarch butterflies; fences on Thursdays; plays bagpipes at "
    "funerals;grows giant leeks;rides a unicycle; photographs lichens; makes harpsichord quills; throws pottery; "
    "calls square dances; dyes wool;studies Icelandic; trains search dogs; brews ginger beer; models steam engines; "
    "paints miniature portraits;referees water polo; tends a bonsai collection; digs for fossils; performs close-up "
    "magic;keeps a weather diary;knits for a penguin charity; translates sea shanties; plays pétanque; folds origami "
    "cranes;flies kites on the pier;races lawnmowers; binds sketchbooks; plays mahjong every Tuesday; rings church "
    "bells; builds crystal radios;bakes sourdough for neighbors; rows in a veterans' eight; plays steel drums; "
    "cultivates black tulips; curls;repairs accordions; competes in axe throwing; observes variable stars; catalogs "
    "moths; dances the tango;walks with an alpaca; plays the carillon; hunts for meteorites; juggles; does falconry"
)
EVENTS = _words(
    "survived a lightning strike in 1988; was adopted from Malta at age four; has a twin who lives in Nome;lost two "
    "toes to frostbite; sailed round Cape Horn in 1979; was bitten by a seal; won a regional lottery;served on a "
    "submarine; spent a year in Ushuaia; donated a kidney to a cousin; fell off a carousel last May;was a child "
    "actor; emigrated from Tbilisi in 1994; was stung by a stonefish; had a tracheostomy as a baby;walked away from "
    "a hot-air balloon crash; is raising four grandchildren; testified in the dam inquiry;lived on a houseboat for "
    "twenty years; swallowed a coin in childhood; had polio in Karachi;broke a jaw at a rodeo;was trapped in an "
    "elevator for a day; has a glass eye; was named after a racehorse; speaks five languages;was exposed to chlorine "
    "at a pool; sold a patent for a zipper; had scarlet fever in 1961;ran for county sheriff;keeps a shrapnel "
    "fragment in the thigh; grew up in a lighthouse; was on the first ferry after the flood;met a spouse on a "
    "quarantine ward; returned from Svalbard in March; worked on the Alaska pipeline;has webbed toes; was rescued "
    "from an avalanche; inherited a vineyard; once held a world record in yodeling;was struck by a golf ball; has "
    "never eaten meat; lost a home to a wildfire; taught in Lesotho;was quarantined with a parrot; is allergic to "
    "saffron; crossed the Gobi by bicycle; wears two hearing aids"
)
RELATIVES = _words(
    "mother; father; older brother; younger sister; maternal aunt; paternal uncle; grandmother; "
    "grandfather;half-brother;twin sister; son; daughter; two cousins"
)
FAMILY_ILLNESSES = _words(
    "stroke at <48-81>; bowel cancer at <44-76>; heart attack at <39-78>; type 1 diabetes; rheumatoid arthritis;"
    "Huntington disease; hemochromatosis; breast cancer at <36-70>; dementia from <62-80>; goiter;"
    "polycystic kidneys;"
    "emphysema; epilepsy; sudden death at <29-60>; celiac disease; gout; cystic fibrosis carrier; glaucoma; lupus;"
    "osteoporosis with hip fracture; an aneurysm; melanoma; asthma; liver cirrhosis; multiple sclerosis"
)
ALLERGIES = _words(
    "penicillin (rash); sulfa (hives); latex; codeine (vomiting); shellfish; none known; iodinated contrast;bee "
    "venom;cephalexin (swelling); adhesive tape; NSAIDs (wheeze); none recorded; trimethoprim; lisinopril (cough)"
)
COMORBIDITIES = _words(
    "psoriasis; glaucoma; past appendectomy; iron deficiency; depression; chronic kidney disease stage 3;rosacea; "
    "restless legs; a treated melanoma; hearing loss; prostate enlargement; endometriosis; cataracts;shingles last "
    "year; alcohol use in the past; overactive bladder; anxiety; eczema; a hernia repair;gallbladder removed"
)

# phrases for the notes of all specialties, so that the words of a note do not always reveal its specialty
EVERYDAY_REASONS = _words(
    "the known problem; a routine check; a second opinion; results; an overdue follow-up; long-standing complaints;"
    "a medication review; worries after reading online; an insurance form; a check before travel; unclear symptoms"
)
EVERYDAY_COMPLAINTS = _words(
    "getting tired [far too|unusually] early in the day; poor sleep; dizzy on standing; no complaints today;feels "
    "[stiff|old];less stamina than last [spring|summer]; weight up <2-8> kg; weight down <2-5> kg; poor "
    "appetite;worries at night;morning headaches; cramps in the calves; a cold that lingers; sweats; dry mouth;feels "
    "better than [before|in winter];aches [here and there|after gardening]; forgets tablets <1-3> times a week; no "
    "energy for hobbies;stress at work"
)
EVERYDAY_SIGNS = _words(
    "well nourished; skin warm and dry; no lymph nodes; walks unaided; alert and oriented; chest clear today;abdomen "
    "soft; no oedema; heart sounds normal; moves all limbs; [thin|overweight]; hearing reduced;mood [low|even]"
)
EVERYDAY_TESTS = _words(
    "hemoglobin <11.2-15.8>; creatinine <0.7-1.3> mg/dL; sodium <134-145>; urinalysis clear; vitamin D <11-34> ng/mL;"
    "LDL <58-171> mg/dL; A1c <5.1-6.9>%; CRP <1-14>; chest film normal; TSH <0.6-4.4> mIU/L; ferritin <18-190>"
)
EVERYDAY_PLANS = _words(
    "bloods before next visit; walk <20-45> minutes a day; flu vaccine [given|offered]; form filled in;diary for two "
    "weeks;tablets reviewed; sleep hygiene; bring all boxes next time; letter to the family doctor; no change for "
    "now;lose <3-9> kg"
)
EVERYDAY_DRUGS = _words(
    "vitamin D 1000 units; acetaminophen 500 mg as needed; a multivitamin; melatonin 3 mg; senna at night; fish "
    "oil;zinc;loratadine 10 mg; saline nasal rinse; magnesium 400 mg; nothing else"
)
OTHER_CARE = _words(
    "no medicine; cream twice daily; care elsewhere; eye drops; watchful waiting; yearly checks; diet"
)
