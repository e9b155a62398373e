"""Topics of daily life: house, food, money, work, family, trade; see `Topic` and `parsed` for the format."""

LIFE = """
cooking
goods: cast iron pan; food processor; set of knives; pressure cooker; rice cooker; wok
about: tomato sauce; roast chicken; stock; curry; leftovers; knife skills; beans; dumplings
trouble: my sauce splits each time; the rice sticks to the pot; the meat is grey and not brown; garlic burns before
 the onions are soft; the soup tastes of nothing
do: cook rice without a cooker; season a pan; keep herbs fresh; save an oversalted stew
claim: salt early and taste often; a hot pan is the whole secret; recipes lie about onions; canned tomatoes beat
 winter ones

baking and coffee
goods: stand mixer; espresso machine; bread tin; coffee grinder; set of cake tins
about: sourdough; pie crust; yeast; espresso; birthday cakes; cookies; oven temperature
trouble: the loaf is dense at the bottom; my cake sinks in the middle; the starter smells of paint; the espresso runs
 too fast; cookies spread into one sheet
do: get an open crumb; keep icing from melting; froth milk; bake at high altitude
claim: scales beat cups; fresh beans matter more than the machine; most bread is baked too short; butter wins

gardening
goods: lawn mower; greenhouse; wheelbarrow; rain barrel; rose bush; compost bin; hedge trimmer
about: tomatoes; slugs; compost; pruning; roses; seedlings; lawn moss; raised beds
trouble: slugs eat the lettuce overnight; the tomato leaves turn yellow; blossom falls off before it sets; moss takes
 over the lawn; the hedge is brown on one side
do: keep slugs off lettuce; move an old rose; grow potatoes in a sack; start seeds without a greenhouse
claim: mulch saves more work than any tool; peat should stay in the bog; most plants die of too much water; a neat
 garden is a dead one

cats and dogs
goods: dog crate; cat carrier; aquarium; leash; scratching post; dog bed; litter box
about: house training; vet bills; kittens; barking; fleas; cat food; walking two dogs; shelters
trouble: the puppy chews table legs; my cat wakes me at four; the old dog will not climb stairs; she hides when
 guests come; the neighbours complain of barking
do: introduce a kitten to an old cat; stop a dog from pulling; give a cat a pill; trim claws without blood
claim: there are no bad dogs and many bad owners; shelters deserve the first visit; cats train people; insurance for
 pets pays only in the worst year

renting and housing
goods: two-room flat; furnished room; sofa bed; wardrobe; parking space; dining table with four chairs
about: deposits; mould; noisy neighbours; rent increases; mortgages; estate agents; roommates; moving day
trouble: the landlord keeps the deposit; mould grows behind the bed; the people upstairs dance at two; rent went up
 by a fifth; the boiler fails every frost
do: get a deposit back; find a room near the university; sleep above a bar; buy a house with no savings
claim: agents work for nobody; renting is not wasted money; location is a word for luck; rent control helps who is
 already in

home repair
goods: cordless drill; ladder; table saw; box of tiles; paint sprayer; second-hand window; toolbox
about: leaking taps; plaster; wiring; tile grout; squeaky floors; paint; loft insulation; drains
trouble: the tap drips whatever I do; a crack comes back each winter; the paint peels in sheets; the toilet runs all
 night; the wall is not straight anywhere
do: hang a shelf in plaster; silence a floor; unblock a drain without acid; patch a ceiling
claim: preparation is the whole job; electricians are cheap compared with fire; cheap brushes cost more; old houses
 were not better built

money and saving
about: index funds; credit cards; pensions; interest rates; bank fees; debt; the stock market; budgets
trouble: the card takes half of my pay; the bank charges for everything; my fund fell by a third; the loan grows
 though I pay; we never have anything left in week four
do: save with a small wage; start a pension at forty; get out of card debt; teach kids about money
claim: fees eat more than crashes; nobody beats the market for long; cash is for emergencies; a budget is freedom

jobs and careers
about: interviews; pay rises; night shifts; references; freelance work; bosses; unions; retraining; resignation
 letters
trouble: my boss takes credit for my work; three rounds and then silence; the shift plan changes daily; they want ten
 years for a starter job; I train people who earn more
do: explain a gap; ask for more money; quit without a row; survive the first month
claim: loyalty is not paid; interviews test interviewing; remote work suits grown-ups; a good manager is half the wage

babies and children
goods: pram; cot; high chair; car seat; bag of baby clothes; toy kitchen
about: sleep; picky eaters; nursery places; screen time; tantrums; teething; bedtime stories; twins
trouble: the baby wakes each hour; my son eats only pasta; the nursery has no place until May; she screams in the
 car; the teenager will not talk
do: get a toddler to bed; travel with twins; talk to a teenager; wean a baby
claim: every phase passes; advice from strangers is worthless; children need boredom; routine beats books

weddings and relationships
goods: wedding dress; set of table linen; pair of rings; veil
about: guest lists; divorce; first dates; in-laws; long distance; jealousy; speeches; wedding budgets
trouble: his mother plans everything; we argue about dishes; she reads my messages; my best friend was not invited;
 the caterer cancelled
do: write a speech; break up kindly; stay friends; plan a wedding for thirty
claim: small weddings are happier; trust does not come back in a week; nobody changes for a ring; talk beats roses

travel
goods: backpack; rail pass; suitcase; tent; sleeping bag; plane ticket; travel guide
about: night trains; hostels; visas for Asia; beaches; Rome in August; lost luggage; walking tours; cheap flights
trouble: the hotel gave our room away; the ferry does not run in March; my bag went to Lima; the old town is all
 souvenirs; the cash machine ate the card
do: see Lisbon in two days; travel light for a month; avoid crowds in Venice; get from Athens to the islands
claim: second cities are better than capitals; packing light is half the trip; guided tours spoil ruins; trains beat
 planes below five hours

hiking and climbing
goods: pair of boots; climbing rope; camp stove; rucksack; ice axe; two-man tent
about: blisters; mountain huts; maps; altitude; bears; trail food; belaying; rain gear
trouble: my boots rub at the heel; the path is washed out; the hut was full; fog came in at the ridge; the stove will
 not light in wind
do: keep feet dry; cross a stream in flood; train for altitude; hang food out of reach
claim: light packs save knees; turning back is a skill; phones are no maps; the second day is the hardest

fishing
goods: fishing rod; fly reel; float tube; tackle box; bait cooler
about: trout; carp; knots; flies; river levels; licences; bait; catch and release
trouble: the line twists after ten casts; nothing bites in the heat; weeds take each lure; the bank is fenced off;
 the river ran brown all week
do: cast into wind; find carp in winter; keep bait alive; clean a pike
claim: patience is a myth and place is all; barbless hooks lose no fish; farmed trout fight like socks; dawn beats
 gear

furniture and household sales
goods: oak table; bookcase; washing machine; rocking chair; box of records; bed frame; lamp; sewing cabinet
about: moving sales; estate auctions; delivery; prices; haggling; restoration; flea markets
trouble: the last buyer never came; it does not fit our new door; the movers scratched one leg; the garage has to be
 empty by Friday
do: ship a table across the country; price old furniture; get a sofa up five floors
claim: solid wood holds its price; first come first served is fair; photos sell more than words; people ask and never
 come
"""
