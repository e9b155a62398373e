"""What is reviewed: films and books by genre, kitchens, shops and services, products."""

# parts: noun phrases with article, singular; good and bad: clauses; kind: what it is called
FILMS = """
horror film
kind: horror film; slasher; ghost story; monster movie
parts: the haunted house; the final scare; the monster; the basement scene; the creaking soundtrack
good: the dread builds without a drop of blood; every shadow earns its scream; the monster stays hidden long enough
bad: the scares come with a drum roll; nobody would go down those stairs; it is gory without being frightening

romantic comedy
kind: romantic comedy; love story; date movie; screwball comedy
parts: the wedding scene; the leading couple; the banter; the kiss in the rain; the best friend's role
good: the two leads spark from the first insult; you root for both of them; the banter fizzes like cheap champagne
bad: the lovers have the chemistry of two wet socks; each misunderstanding could be solved by one phone call; the
 jokes were old when vaudeville died

war drama
kind: war drama; battle epic; soldier's story
parts: the battle on the beach; the sergeant; the letter home; the mud and smoke
good: it finds the fear beneath the medals; the battles are filmed from the ground up; it honours the dead without a
 flag
bad: it mistakes noise for courage; every soldier gets one speech and one bullet; the enemy has no face

science fiction adventure
kind: space adventure; science fiction film; alien invasion movie
parts: the spaceship; the robot; the alien planet; the special effects; the paradox in the third act
good: its future looks lived in; the effects serve an idea; the robot has more soul than most heroes
bad: the effects outrun the script; it borrows from better spaceships; the science is gibberish and so is the love
 story

documentary
kind: documentary; portrait of an artist; nature film
parts: the archive footage; the interviews; the narration; the director's patience
good: the camera listens instead of lecturing; it turns a small subject into a large question; the footage is
 astonishing
bad: it preaches to those already in the choir; two hours of talking heads are one too many; it never asks the hard
 question

crime thriller
kind: thriller; heist movie; crime drama; detective story
parts: the twist; the car chase; the villain; the heist itself; the corrupt cop
good: it tightens like a wire; the twist is fair and still a shock; the villain is frighteningly polite
bad: you will guess the killer by the opening credits; the plot has more holes than the getaway car; it is all
 gunfire and no nerve

animated family film
kind: animated film; family movie; children's adventure; fairy tale
parts: the talking fox; the songs; the hand-drawn forest; the sidekick; the lesson at the end
good: it charms children and does not bore their parents; the drawings breathe; its heart is bigger than its budget
bad: the sidekick sells toys and little else; the songs all sound alike; it shouts where it should whisper

period drama
kind: period drama; costume piece; literary adaptation; biography
parts: the costumes; the dinner scenes; the lead performance; the letters; the old house
good: beneath the lace there is real hunger; the cast makes history gossip; it trusts silence
bad: it is embalmed in its own good taste; the wigs out-act the actors; it takes a century to say goodbye

comedy
kind: comedy; satire; buddy movie; farce
parts: the dinner party; the running gag; the comic timing; the script; the mean little ending
good: it is funny and never cruel; the jokes land because the people are real; the farce runs like a clock
bad: the laughs dry up after twenty minutes; it is a sketch stretched past breaking; the cast has more fun than we do

action film
kind: action movie; superhero film; martial arts picture; sequel
parts: the fight on the roof; the hero; the stunts; the explosions; the third act
good: the stunts have weight and wit; it never stops to admire itself; the fights tell a story
bad: things explode and nothing happens; the hero is carved from the wrong wood; it is edited with a lawn mower

foreign art film
kind: art film; subtitled drama; character study; debut
parts: the long takes; the silence; the grandmother; the last image; the grey town
good: its patience is rewarded; each frame could hang on a wall; the last image stays for days
bad: it confuses slowness with depth; the symbols come with labels; you admire it and feel nothing

coming-of-age story
kind: coming-of-age film; teen drama; school comedy; road movie
parts: the summer; the friendship; the young lead; the mother; the school dance
good: it remembers what it is to be fifteen; the young cast is a wonder; it hurts in the right places
bad: its teenagers talk like tired screenwriters; it learns its lesson long before it ends; the road leads nowhere new

musical
kind: musical; backstage drama; concert film; dance film
parts: the opening number; the choreography; the singer; the big finish; the band
good: your feet will not keep still; the numbers move the story on; she sings as if rent were due
bad: nobody in it can carry a tune; the camera cuts off the dancers' feet; there is more sequin than song
"""

BOOKS = """
detective novel
kind: detective novel; mystery; whodunit
parts: the inspector; the alibi; the village; the last chapter
good: every clue is on the table; the inspector is good company; I read until two in the morning
bad: the culprit drops from the sky; three murders and I could not care; the dialogue creaks

fantasy novel
kind: fantasy novel; first volume of a saga; dragon story
parts: the map; the magic; the queen; the dragon
good: the magic has a price; the world feels older than its pages; the queen deserves her own book
bad: eight hundred pages of walking; the names need an index; the dragon is on the cover only

historical novel
kind: historical novel; family saga; war novel
parts: the plague year; the grandmother; the research; the second part
good: the past smells and itches; three generations come alive; the research never shows
bad: people of 1600 think like us; it is a textbook with kisses; the ending is rushed

cookbook
kind: cookbook; baking book; collection of recipes
parts: the chapter on bread; the photographs; the index; the bean stew
good: every recipe I tried worked; the instructions are clear; it taught me to salt
bad: the quantities are wrong; half needs things I cannot buy; the photos are all of the author

self-help book
kind: self-help book; business book; diet book
parts: the seven rules; the case studies; chapter one; the worksheet
good: one idea in it changed my mornings; it is short and practical; he admits what he does not know
bad: it is a pamphlet blown up to a book; the same story comes nine times; the advice needs money first

children's book
kind: picture book; children's book; bedtime story
parts: the bear; the rhymes; the drawings; the last page
good: my daughter knows it by heart; the drawings hide jokes for me; it is gentle and odd
bad: the rhymes limp; it scared my son; the paper tears

travel and nature book
kind: travel book; memoir; book about birds; biography
parts: the river; the author's father; the winter chapter; the island
good: she looks longer than others; I wanted to pack at once; it is honest about grief
bad: he is the hero of each page; the journey is a weekend; names are dropped like crumbs

poems and short stories
kind: collection of stories; book of poems; slim volume
parts: the title story; the sea poems; the shortest piece; the voice
good: three of them are perfect; not a word is spare; it can be read twice
bad: they all end on a window; I did not understand one; it is clever and cold
"""

PLACES = """
Italian restaurant
kind: Italian place; trattoria; pasta bar
parts: the lasagne; the gnocchi; the house red; the tiramisu; the focaccia
good: the pasta is made in the window; the owner greets you by name; the sauce tastes of tomatoes and time
bad: the pasta was mush; they charged for bread; the carbonara had cream in it

pizza shop
kind: pizza place; slice shop; takeaway
parts: the margherita; the crust; the garlic knots; the delivery
good: the crust blisters just right; it came hot and early; a slice is as big as my head
bad: it arrived cold and an hour late; the cheese slid off; they forgot half of the order

Mexican kitchen
kind: taqueria; taco truck; Mexican restaurant
parts: the carnitas; the salsa; the fish taco; the horchata; the burrito
good: the tortillas are pressed to order; the green salsa bites back; three tacos feed you for the price of one
 elsewhere
bad: the chips were stale; the beans came from a can; the margarita was sugar and ice

sushi and Japanese food
kind: sushi bar; ramen shop; Japanese restaurant
parts: the tuna; the broth; the lunch box; the tempura; the rice
good: the fish could not be fresher; the broth takes two days and tastes it; the chef explains each piece
bad: the rice was cold and hard; the roll fell apart; two pieces for that price is a joke

Indian and Thai food
kind: curry house; Thai kitchen; noodle shop
parts: the green curry; the naan; the pad thai; the dal; the lunch buffet
good: hot means hot here; the naan comes from a real clay oven; the buffet is refilled all the time
bad: everything tastes of the same sauce; the chicken was dry; they cannot spell spicy

burger and barbecue
kind: burger joint; smokehouse; diner; steakhouse
parts: the brisket; the fries; the ribeye; the onion rings; the slaw
good: the brisket falls apart at a look; the fries are cut by hand; my steak was exactly medium rare
bad: the patty was grey; the ribs needed a saw; we waited fifty minutes for fries

breakfast cafe
kind: breakfast spot; coffee house; brunch place; bakery
parts: the pancakes; the cappuccino; the eggs; the cinnamon roll; the cold brew
good: the barista remembers my order; the pancakes are clouds; they bake from four in the morning
bad: the coffee was burnt; there is one socket for thirty laptops; brunch took two hours

seafood restaurant
kind: fish restaurant; oyster bar; crab shack
parts: the chowder; the oysters; the crab legs; the view of the harbour
good: the oysters tasted of the tide; the grilled fish was simple and perfect; we watched boats come in
bad: the shrimp were frozen inside; it smelled of old oil; the catch of the day was last week's

hotel
kind: hotel; motel; guest house; resort
parts: the bed; the front desk; the pool; the breakfast; the view; the air conditioning
good: the staff sent up a cake for our anniversary; the bed was like sleeping on a sigh; the room was spotless
bad: the walls are paper; somebody's hair was in the tub; they lost our booking and shrugged

hair and nail salon
kind: hair salon; barber shop; nail salon; spa
parts: the haircut; the gel manicure; the colour; the massage; the waiting area
good: she listened before she cut; my nails lasted three weeks; the barber is an artist with a razor
bad: they took off four inches when I said one; my cuticles bled; the colour washed out in a week

garage
kind: garage; tire shop; body shop; car wash; dealership
parts: the oil change; the estimate; the mechanic; the waiting room; the alignment
good: he showed me the worn part; they finished early and under the estimate; no pressure to buy anything
bad: they found nine faults and fixed none; my car came back with a scratch; the price doubled overnight

doctor's office
kind: doctor's office; dental practice; urgent care; eye clinic; physiotherapist
parts: the hygienist; the front desk; the doctor; the wait; the billing office
good: the dentist explained each step; I was seen on the dot; she remembered my son's name
bad: I waited two hours for four minutes; they billed me twice; the receptionist rolled her eyes

vet and pet shop
kind: vet; dog groomer; pet shop; boarding kennel
parts: the groomer; the vet; the kennels; the nail trim
good: they sat on the floor with my scared dog; our old cat was treated like family; my poodle looks like a star
bad: he came home with a cut ear; they pushed tests we did not need; the cages smelled

clothes and shoe shop
kind: boutique; shoe store; second-hand shop; department store; bridal shop
parts: the fitting rooms; the sale rack; the selection; the return policy
good: she found my dress in ten minutes; prices are fair for the quality; they fitted my boots properly
bad: staff hid behind the till; nothing above size ten; they refused a return with the tag on

supermarket and food shop
kind: supermarket; farmers' market; butcher; bakery; wine shop
parts: the produce; the deli counter; the parking lot; the checkout; the cheese
good: the butcher tells you how to cook it; the produce is crisp; the tellers at the till are kind
bad: two of twelve tills are open; the strawberries were mouldy underneath; the carts all pull left

repair and house services
kind: plumber; moving company; electrician; cleaning service; phone repair stall; locksmith
parts: the crew; the quote; the technician; the clean-up; the appointment
good: they wrapped each glass; he came on a Sunday and charged no more; my screen was done in twenty minutes
bad: nobody came and nobody called; they broke the lamp and denied it; he left the leak and took the money

gym and classes
kind: gym; yoga studio; swimming pool; dance school; climbing hall
parts: the trainers; the showers; the spin class; the machines; the contract
good: nobody stares at beginners; the teacher corrects you kindly; it opens at five
bad: cancelling took six letters; half of the machines are broken; the showers are cold and the music is loud

museum and park
kind: museum; zoo; theme park; botanical garden; theatre; cinema
parts: the guide; the exhibits; the ticket line; the gift shop; the rides
good: our guide made old stones talk; the children did not want to leave; a whole day for twelve dollars
bad: three of the rides were shut; you pay to park and pay to sit; the queue was longer than the show

bank and offices
kind: bank branch; post office; insurance agent; travel agent; storage company
parts: the clerk; the hotline; the fees; the paperwork; the line
good: she fixed in a minute what the hotline could not; they explain the fees up front; there was no line at noon
bad: one window is open at lunch; they sent me from desk to desk; the hold music knows me by now
"""

PRODUCTS = """
headphones
kind: pair of headphones; headset; earbuds; speaker
parts: the bass; the cable; the noise cancelling; the ear pads; the pairing
good: the battery lasts a whole week; voices are clear; they vanish on your head
bad: the left side died after a month; they pinch; it drops the connection in my pocket

kitchen machine
kind: blender; kettle; toaster; coffee maker; air fryer; mixer
parts: the lid; the timer; the motor; the jug; the manual
good: it crushes ice without complaint; it is quiet and quick; cleaning takes a minute
bad: the lid leaks; it smells of plastic; it died two days after the warranty

vacuum and cleaning
kind: vacuum cleaner; steam mop; robot vacuum; washing machine
parts: the suction; the brush; the filter; the noise; the cord
good: it picks up what two dogs leave; it finds its way under the bed; my carpets are a new colour
bad: it eats rug fringes; the bag is tiny; it gets lost behind the sofa and cries

laptop and tablet
kind: laptop; tablet; keyboard; monitor; printer
parts: the screen; the hinge; the battery; the trackpad; the ink
good: it starts in six seconds; the keys feel right; the screen is easy on my eyes
bad: the fan never stops; the hinge cracked; ink costs more than the printer

phone accessories
kind: phone case; charger; screen protector; car mount; power bank
parts: the fit; the cable; the buttons; the clip
good: I dropped it on stone and nothing broke; it charges fast; the fit is exact
bad: it yellowed in a week; it stopped charging on day three; the clip snapped

shoes and clothes
kind: pair of boots; rain jacket; pair of jeans; backpack; swimsuit
parts: the soles; the zip; the seams; the size; the colour
good: no blisters after ten miles; it keeps out sideways rain; they fit as described
bad: the zip jammed on the first day; it runs two sizes small; the dye came off on my sofa

bed and furniture
kind: mattress; office chair; desk; pillow; bookcase
parts: the springs; the assembly; the armrest; the screws; the delivery
good: my back stopped hurting; it went together in half an hour; it is heavier and better than it looks
bad: the holes do not line up; it sags where I sleep; one leg came short

toys and games
kind: board game; building kit; doll; puzzle; remote-controlled car
parts: the pieces; the rules; the box; the batteries
good: it kept three cousins busy all of Sunday; pieces are solid wood; grandma won
bad: it broke before lunch; a piece was missing; the rules read like tax law

tools and garden
kind: cordless drill; hedge trimmer; garden hose; ladder; tent; camping stove
parts: the battery; the blade; the trigger; the poles; the grip
good: it chews through oak; it went up in the wind by one person; worth each cent
bad: the hose kinks; it rusted in the shed; the charger got hot enough to smell

camera and gadgets
kind: camera; smart watch; baby monitor; fitness band; doorbell camera; e-reader
parts: the lens; the strap; the app; the night picture; the alarm
good: photos in poor light are sharp; setup took two minutes; I read outdoors again
bad: the app wants my life story; it counts steps while I sleep; the picture freezes when the baby cries

software and games
kind: game; budgeting app; photo program; streaming service; language course
parts: the menus; the last level; the subscription; the update; the support
good: it does one thing and does it well; I lost a weekend to it; support answered in an hour
bad: the update moved every button; it wants money at each turn; it crashed and took my save along

food by mail
kind: box of tea; protein bar; bag of coffee beans; hot sauce; dog food
parts: the taste; the smell; the packaging; the aftertaste
good: it tastes like the real thing; my picky dog licks the bowl; it arrived fresh
bad: half was crumbs; it tastes of chalk; it was out of date
"""
