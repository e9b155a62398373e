"""What happens in the news, by desk: sectors of business, sports, fields of science, matters of the world."""

BUSINESS = """
chips
maker: chip maker; memory maker; chip equipment supplier
goods: processors; memory chips; wafers; graphics chips
why: handset makers cut orders; a glut of memory pressed prices; a new plant came on line early

software
maker: software company; database vendor; security software firm
goods: licences; payroll programs; cloud contracts; databases
why: companies put off upgrades; a patch proved costly; banks renewed their licences

airlines
maker: airline; budget carrier; regional carrier
goods: seats; transatlantic tickets; cargo flights
why: jet fuel rose to a record; pilots called off a strike; storms closed two hubs

oil and gas
maker: oil producer; refiner; pipeline operator; driller
goods: crude; petrol; heating oil; natural gas
why: a storm shut platforms in the gulf; stocks of crude fell; a pipeline was sabotaged

cars
maker: car maker; parts supplier; truck maker
goods: sedans; sport utility vehicles; brakes; hybrid cars
why: rebates ate into margins; steel became dearer; a recall hit its best seller

banks
maker: bank; mortgage lender; card issuer; savings bank
goods: mortgages; car loans; credit cards; bonds
why: bad loans shrank; interest rates rose; traders had a weak quarter

retail
maker: retailer; department store chain; grocer; discount chain
goods: groceries; winter coats; toys; furniture
why: rain kept shoppers at home; holiday sales came late; discounters took customers

drugs
maker: drug maker; biotech company; maker of vaccines
goods: arthritis pills; vaccines; insulin pens; heart drugs
why: a trial was halted; regulators asked for more data; a patent ran out

telephone companies
maker: phone company; wireless carrier; cable operator
goods: mobile subscriptions; broadband lines; handsets
why: customers dropped land lines; a price war spread; licences cost more than planned

media
maker: publisher; broadcaster; film studio; newspaper group
goods: advertisements; films; magazines; box sets
why: advertisers returned after the games; a costly film flopped; readers moved online

farming and food
maker: food company; brewer; dairy group; coffee trader
goods: soybeans; coffee; beer; frozen meals
why: frost damaged the harvest; corn prices fell; drinkers turned to wine

steel and mining
maker: steel maker; copper miner; gold producer
goods: steel sheets; copper; iron ore; gold
why: builders in Asia bought more; a mine flooded; the strike entered its third week

travel
maker: hotel group; cruise line; casino operator; online travel agent
goods: rooms; cruises; package tours
why: the cold spring moved bookings; a weak dollar drew visitors; two ships lay in dock

insurance
maker: insurer; reinsurer; broker of insurance
goods: home policies; life policies; storm cover
why: hurricanes cost more than expected; a probe into fees widened; premiums rose
"""

STORIES = (
    (
        "<company> profit {falls} on {goods} | {the_maker} <company> said on {day} its {quarter} profit {fell} {pct} "
        "percent as {why}"
    ),
    (
        "<company> earnings {jump} | {the_maker} <company> said its {quarter} earnings {rose} {pct} percent[ on "
        "{goods}], although {why}"
    ),
    (
        "<company> {expands} in <town_plain> | {the_maker} <company> will spend {billion} on a plant in <town_plain> "
        "to sell {goods}"
    ),
    (
        "<company> to cut {jobs} jobs | {the_maker} <company> plans to cut {jobs_about} jobs after {why}, it said on "
        "{day}"
    ),
    (
        "<company> agrees to buy <other_company> | <company>, a {maker}, will pay {billion} for rival "
        "<other_company> to sell more {goods}"
    ),
    (
        "{goods} lift shares of <company> | shares of {maker} <company> rose as much as {pct} percent on {day} after "
        "{why}"
    ),
    "<company> warns on sales of {goods} | {the_maker} <company> cut its outlook on {day}, saying that {why}",
    (
        "Regulator looks into <company> | regulators have asked {maker} <company> about the way it books sales of "
        "{goods}"
    ),
    "Stocks {slip} as {why} | stocks {moved} on {day}, led by {maker} <company>, after {why}",
    "<company> names new chief | {the_maker} <company> named <person> chief executive on {day}, weeks after {why}",
    (
        "<company> drops bid for <other_company> | {maker} <company> walked away from <other_company> on {day} "
        "because {why}"
    ),
    "Prices of {goods} {slip} | prices of {goods} {moved} {pct} percent in {month}, a trade group said, as {why}",
)

SPORT = """
baseball
won: homered twice; struck out eleven; drove in four runs; hit a two-run single in the ninth
score: {low}-{high}
event: pennant race; division series; opening series
who: pitcher; shortstop; catcher; left fielder

football
won: scored either side of half-time; headed a late winner; saved two penalties; struck from thirty yards
score: {nil}-{one}
event: cup semi-final; qualifier; league derby; champions group
who: striker; goalkeeper; winger; captain

American football
won: threw for three touchdowns; ran for 140 yards; kicked a field goal as time ran out; returned a punt for a score
score: {ten}-{twenty}
event: season opener; conference final; Monday game
who: quarterback; running back; kicker; linebacker

basketball
won: scored 31 points; hit six three-pointers; had a triple double; blocked seven shots
score: {ninety}-{hundred}
event: playoff game; tournament final; preseason game
who: guard; centre; rookie forward

ice hockey
won: made 38 saves; scored in overtime; had a hat trick; ended the shootout
score: {nil}-{one}
event: playoff game; world cup of hockey; home opener
who: goaltender; defenceman; rookie centre

cricket and rugby
won: made an unbeaten century; took six wickets; kicked five penalties; went over in the corner
score: {one} wickets
event: first test; one-day series; six nations match; tour match
who: fast bowler; fly-half; opener; scrum-half
"""

MATCHES = (
    (
        "<team> beat <other_team> in {event} | {who} <person> {won} on {day} as the <team> beat the <other_team> in "
        "the {event}"
    ),
    (
        "<person> lifts <team> | <person> {won} to lead the <team> past the <other_team>, {score}, in their {event} "
        "on {day}"
    ),
    (
        "<team> lose <person> for {weeks} weeks | <team> {who} <person> will miss {weeks} weeks after a {injury} "
        "injury in the {event}"
    ),
    (
        "<team> sign {who} <person> | the <team> signed {who} <person>, who {won} against them last season, to a "
        "{span} deal"
    ),
    "<person> {tests} | {who} <person>, who {won} last year, said on {day} that this {event} would be the last",
    (
        "<other_team> coach quits | the coach of the <other_team> resigned on {day}, a day after <person> {won} "
        "against his side"
    ),
    "Late show by <person> | {who} <person> {won} and the <team> reached the next round of the {event}, {score}",
)

SOLO = """
tennis
won: saved three match points; served fifteen aces; broke twice in the last set; needed only fifty minutes
score: 6-{one}, 6-{nil}
event: indoor final; clay court quarter-final; grass season; Davis Cup tie
who: second seed; qualifier; left-hander; defending champion

golf
won: birdied the last two holes; holed a bunker shot; shot a 64; won a play-off at the third hole
score: 27{one}
event: open; invitational; team matches; links championship
who: rookie; veteran; leader

cycling and athletics
won: broke away on the last climb; ran the final lap in 54 seconds; set a national record; won the marathon in the
 heat
score: {one} minutes
event: mountain stage; world championship; track meet; Olympic trials
who: sprinter; climber; long-distance runner; hurdler

motor racing and boxing
won: led from pole to flag; stopped his man in round nine; passed two cars in the rain; outpointed the champion
score: {one} points
event: grand prix; title fight; rally; qualifying session
who: driver; heavyweight; test driver; challenger
"""

DUELS = (
    "<person> beats <other_person> in {event} | {who} <person> {won} on {day} to beat <other_person> in the {event}",
    "<person> wins {event} | <person> {won} and took the {event} on {day}, ahead of <other_person>",
    "<person> {tests} | {who} <person>, who {won} last year, said on {day} that this {event} would be the last",
    (
        "<person> out for <weeks> weeks | {who} <person> will miss the {event} with a {injury} injury, organisers "
        "said on {day}"
    ),
    "<other_person> stunned by {who} | <other_person> went out of the {event} on {day} when {who} <person> {won}",
)

SCIENCE = """
space
story: Probe sends first pictures of a small moon | a spacecraft has sent its first pictures of an icy moon,
 scientists said; Rocket test put off again | engineers called off a rocket test on {day} because of a leaking valve;
 Rover finds old river bed | a rover on Mars has found pebbles rounded by water, mission managers said
more: The craft was launched {weeks} years ago; A further attempt is set for {month}; The data will keep teams busy

medicine
story: Study links naps to healthier hearts | people who nap have fewer heart attacks, a study of {jobs} adults
 suggests; New vaccine passes early test | a malaria vaccine protected half of the children in a trial, researchers
 reported; Flu shots run short | clinics have begun to turn away patients as flu vaccine runs short
more: Doctors not involved in the work urged caution; The trial lasted {weeks} months; Side effects were mild

internet
story: Search site adds maps | the search engine <company> on {day} began to show maps beside its results; Worm slows
 mail servers | a worm that comes as a greeting card clogged mail servers on {day}; Users flock to free calls | more
 than a million people have signed up for phone calls over the web at <company>
more: Analysts expect rivals to follow; The service is free for now; A fix was available by the evening

computers
story: Supercomputer takes the lead | a machine built by <company> became the world's fastest computer on {day};
 <company> unveils a thin laptop | <company> showed a laptop that weighs less than a kilo on {day}; Flaw found in
 browser | security experts warned of a flaw in the browser of <company> that lets intruders read files
more: It will go on sale in {month}; The price was not disclosed; No attacks were seen so far

video games and gadgets
story: Console sells out within hours | shops ran out of the new game console of <company> on its first day; Music
 player gets a bigger disk | <company> doubled the memory of its music player; Robots learn to play football | robots
 from {weeks} universities met for a football cup
more: Fans had queued all night; A cheaper model is planned; It comes to Europe in {month}

climate and nature
story: Arctic ice shrinks | sea ice in the Arctic has shrunk to its smallest area since records began; Frogs vanish
 from highlands | a fungus is killing frogs in the highlands, biologists said on {day}; Whales return to the bay |
 more whales than in any year since 1960 were counted off the coast
more: Warmer water is one suspect; The survey took {weeks} years; Fishermen doubt the numbers

archaeology and genes
story: Grave older than the pyramids | archaeologists have opened a grave that is older than the pyramids; Dwarf
 elephant bones found in cave | bones of a dwarf elephant lay in an island cave for {weeks} thousand years; Gene map
 of rice finished | scientists have finished the gene map of rice
more: The find will go to the museum; Farmers could profit within years; A journal published the results on {day}

law of technology
story: Court hears case on file sharing | a court heard on {day} whether <company> must pay for songs that its users
 share; <company> sues over patent | <company> sued <other_company> over a patent on touch screens; Senders of junk
 mail fined | a judge fined {weeks} senders of junk mail
more: A ruling is due in {month}; Both sides claimed victory; Appeals are likely

energy and transport research
story: Car runs on cooking oil | students drove a car on used cooking oil across <land>; Wave power plant opens | a
 plant that makes power from waves began work off <land> on {day}; Train floats to speed record | a train on magnets
 reached {jobs} metres a minute in a test; Fuel cell fits in a pocket | <company> showed a fuel cell the size of a
 matchbox
more: Costs are still high; The next model comes in {month}; A patent is pending; Experts called it a first step

animals and oceans
story: New deep sea fish lights its own way | a fish that carries its own lamp was found off <land>; Elephants warn
 each other through the ground | elephants warn others with their feet, a study says; Parrot learns to count | a
 parrot can count to six, researchers said; Giant squid filmed at last | a crew has filmed a giant squid at a depth
 of {jobs} metres; Bees lose their way | bees that feed near maize fields lose their way home
more: Nobody knows how many there are; The film lasts {weeks} seconds; More dives are planned; The work took {weeks}
 years

mind and society
story: Music lessons raise test scores | children who learn an instrument do {pct} percent better in tests; Lack of
 sleep makes drivers rash | tired drivers take more risks than they think, a study shows; Teens text more than they
 talk | young people in <land> send {weeks} texts a day; Memory peaks before lunch | memory works best before lunch,
 according to tests on {jobs} adults
more: Critics pointed to the small sample; Parents were asked too; The results appear in {month}; It may help shift
 workers
"""

WORLD = """
elections
story: Ruling party loses majority in <land> | the ruling party of <land> lost its majority in an election on {day};
 Recount ordered in <land> | judges in <land> ordered a recount after both candidates claimed to have won; <land>
 leader calls early vote | the prime minister of <land> dissolved parliament on {day}
more: Turnout was {pct} points lower than before; Observers spoke of a fair vote; Coalition talks may last weeks

attacks and fighting
story: Blast near barracks kills {weeks} | a car bomb killed at least {weeks} people near a barracks in <land> on
 {day}; Rebels and army trade fire | rebels and soldiers traded fire in the north of <land> for a third day; Hostages
 freed in <land> | {weeks} hostages were freed unharmed in <land>
more: No group claimed responsibility; Hospitals appealed for blood; The road to the border stayed closed

peace talks
story: Truce holds as talks begin | a truce held for a second day while envoys of <land> and <other_land> met; Talks
 on border collapse | talks between <land> and <other_land> about their border broke down on {day}; Envoy hopeful on
 <land> | an envoy said a deal with <land> was closer than ever
more: A further round is set for {month}; Neither side gave details; Prisoners may be exchanged first

natural disasters
story: Quake shakes coast of <land> | an earthquake shook the coast of <land> before dawn on {day}; Floods drive
 thousands from homes | floods drove {jobs} people from their homes in <land>; Hurricane heads for islands | people
 boarded up shops as a hurricane neared the islands
more: Rescuers dug with bare hands; Power was out in three provinces; Aid flights begin on {day}

courts and crime
story: Former minister on trial | a former minister of <land> went on trial for taking bribes on {day}; Painting
 stolen from museum | masked men took a painting from a museum and fled in a taxi; Spy suspect held | <land> is
 holding a suspected spy of <other_land>
more: He denies the charges; Police are looking for a grey van; The hearing goes on

nuclear and arms
story: Inspectors return to <land> | inspectors returned to a nuclear plant in <land> on {day}; <land> tests missile
 | <land> said it tested a missile with a longer range; Arms ban on <land> extended | ministers extended an arms ban
 on <land>
more: The government calls its program peaceful; Neighbours protested; Diplomats met late into the night

health and aid
story: Cholera spreads in camps | cholera has spread to {weeks} camps in the east of <land>; Food runs out in <land>
 | relief workers say that food in <land> will run out by {month}; Bird flu found at farms | officials in <land>
 ordered {jobs} hens killed
more: Rain has cut off the roads; Donors promised half of the sum; Doctors lack clean water

unions, migration, religion
story: Strike halts trains in <land> | a rail strike stranded {jobs} travellers in <land> on {day}; Boat with
 migrants sinks | a boat with migrants sank off <land>, the coast guard said; Crowds mourn archbishop | crowds filled
 the capital of <land> to mourn an archbishop
more: Unions want {pct} percent more pay; The search goes on; The mood was calm

money and trade of nations
story: <land> to join trade pact | <land> will join a trade pact with <other_land>, ministers said on {day}; <land>
 devalues its currency | the central bank of <land> let the currency fall by {pct} percent; Lenders agree on debt of
 <land> | lenders agreed to write off {pct} percent of what <land> owes; Customs row over bananas | <land> and
 <other_land> took their row over bananas to the trade court; Bread prices spark protest | dearer bread brought
 {jobs} people onto the streets of <land>
more: Markets were calm; Parliament must still agree; Farmers threatened to block roads; Shops raised prices overnight

accidents
story: Ferry capsizes off <land> | a ferry with {jobs} people on board capsized off <land> on {day}; Train derails in
 <land> | {weeks} people died when a night train left the rails in <land>; Mine blast traps {weeks} | an explosion
 trapped {weeks} miners in <land>; Plane skids off runway | a plane with {weeks} passengers skidded off a runway in
 <land>, hurting nobody; Bridge falls in <land> | a bridge fell into a river in <land> after days of rain
more: Divers searched until dark; The cause was not known; Relatives waited at the gate; The driver was questioned

leaders and scandals
story: Minister quits over villa | the finance minister of <land> resigned on {day} over a villa; President of <land>
 in hospital | the president of <land> was taken to hospital with chest pains; Old king to step down | the king of
 <land> will hand over the throne to his niece; Aide charged with leaking papers | an aide to the premier of <land>
 was charged with leaking papers
more: The opposition asked for more; A successor is to be named on {day}; His office gave no details; Newspapers ran
 special editions
"""
