"""Topics of society and science: politics, religion, law, space, medicine; for the format see `Topic`, `parsed`."""

SOCIETY = """
space flight
about: the shuttle; a moon base; launch costs; the space station; unmanned probes; solar sails; the mission to Mars
trouble: the launch slipped again because of a valve; nobody funds a second probe; the antenna on the spacecraft did
 not open; the station costs more with every redesign; debris in low orbit is getting worse
do: reach lunar orbit with a small rocket; shield a crew from radiation; dispose of dead satellites
claim: robots do more science per dollar than astronauts; a single stage to orbit is possible; prizes would bring us
 to the moon sooner than committees; the shuttle was a beautiful mistake

astronomy
goods: telescope; star atlas; pair of binoculars; eyepiece; equatorial mount
about: comets; light pollution; the rings of Saturn; dark matter; double stars; meteor showers; black holes
trouble: the mirror dews over by midnight; the neighbour's floodlight ruins the south; Jupiter is a smear at any
 power; clouds came for the eclipse again; the mount drifts after ten minutes
do: align an equatorial mount; photograph a nebula from town; show Saturn to a class of thirty
claim: binoculars are the best first telescope; cheap scopes on wobbly legs kill the hobby; dark matter is more than
 a bookkeeping trick; aperture wins over gadgets

medicine and illness
about: migraine; back pain; side effects; vaccines; kidney stones; yeast infections; antibiotics; high blood pressure
trouble: the headaches come every Sunday; my doctor says it is stress; the rash spreads when I take the pills; the
 tests were normal and I still feel dizzy; the pain goes down the left leg
do: sleep with a bad shoulder; get off the painkillers; tell a virus from an allergy; talk to a surgeon who is in a
 hurry
claim: doctors dismiss what they cannot measure; anecdotes are no evidence; most colds need rest and nothing else;
 patients should see their own records

diet and nutrition
about: low-salt cooking; vitamins; sugar; vegan meals; fasting; food additives; cholesterol; protein
trouble: I gain weight on salad; coffee after three keeps me up; the diet works for a month and then stops; lactose
 upsets my stomach; every label says something different
do: eat enough iron without meat; get through a party on a diet; read a food label; feed a family without frozen pizza
claim: the body needs no detox; supplements are costly urine; breakfast is overrated; flavour enhancers get blamed
 for too much wine

birds and nature
goods: bird feeder; nest box; field guide; spotting scope
about: migration; owls; garden birds; wetlands; insects; rare gulls; wild flowers
trouble: squirrels empty the feeder in an hour; the swallows did not come back; a cat sits under the nest; the pond
 turns green in June; the count is down for a third year
do: keep squirrels off a feeder; tell two warblers apart; make a garden good for bees
claim: cats kill more birds than windows; hedges do more than any campaign; listing is a sport and not science; farms
 pay too little for what they destroy

weather and climate
goods: rain gauge; weather station; barometer
about: the drought; storm warnings; rising seas; the hot summer; flood maps; carbon taxes; snowfall
trouble: the forecast missed the storm by a day; our street floods twice a year; the well is dry since August; the
 wind took half of the roof; winters have no snow any more
do: read a pressure map; prepare a house for a hurricane; measure snow properly; cool a flat without a machine
claim: one cold week proves nothing; adaptation is cheaper than repair; local records tell more than headlines; the
 models were right about the nights

energy and power
goods: solar panel; heat pump; generator; battery bank; wood stove
about: nuclear power; wind farms; the grid; electric bills; insulation; gas prices; reactor waste
trouble: the bill doubled in one winter; the inverter trips on sunny days; nobody wants the cable near the village;
 the plant is ten years late; the heat pump freezes up
do: size a battery for a cabin; store power from the summer; compare two tariffs
claim: the cheapest energy is what you do not use; reactors are safer than coal; wind needs storage and not speeches;
 cooling towers make steam and people call it smoke

physics and mathematics
goods: slide rule; calculator; physics textbook
about: prime numbers; relativity; cold fusion; infinite series; probability puzzles; quantum theory; units
trouble: my proof breaks for n equal to two; the series converges far too slowly; the experiment was never repeated;
 students add fractions upside down; two textbooks disagree about the sign
do: prove that a root is irrational; explain relativity to a child; sum this series; find the flaw in a perpetual
 motion machine
claim: mathematics is discovered and not invented; intuition about chance is always wrong; a theory that explains
 everything explains nothing; proofs by computer are proofs

Christian faith
about: grace and works; the resurrection; infant baptism; prayer; the Sabbath; the epistles; sin and forgiveness
trouble: our church is split over the hymns; a friend left the faith after a death; I cannot square hell with mercy;
 the two gospels give different hours; my prayers feel empty this year
do: forgive somebody who is not sorry; read Revelation without fear; explain the Trinity to a Muslim friend
claim: faith without works is dead; scripture must be read in its context; Christ came for sinners and not for the
 righteous; no denomination owns the truth; love of God shows in love of neighbours

atheism and belief
about: the burden of proof; morality without God; evolution; miracles; school prayer; agnostics; the argument from
 design
trouble: believers keep telling me what I believe; the argument assumes what it wants to prove; my family will not
 talk about it; each miracle has only one witness
do: answer a creationist politely; raise children without religion; define God so that both sides agree
claim: absence of belief is not a belief; morality is older than any church; an objective morality needs no lawgiver;
 you cannot prove a negative but you can ask for evidence; fallacies do not get better by repetition

world religions
about: Ramadan; Buddhist meditation; the Talmud; reincarnation; pilgrimage; religious law; interfaith marriage
trouble: our council refused the mosque a permit; translations of the verse differ; my in-laws want another wedding;
 the temple was vandalised; the cult calls my cousin every night
do: sit for meditation with bad knees; be a good guest at a mosque; find kosher food in a small town
claim: every faith has its fanatics; rituals carry what words cannot; a state should fund no religion; scholars
 disagree and preachers do not

guns and gun laws
goods: rifle; handgun; gun safe; holster; box of ammunition; scope; shotgun
about: the second amendment; waiting periods; concealed carry; assault weapons; firearm training; background checks
trouble: the permit takes nine months; criminals ignore every ban; the pistol jams on hollow points; the press gets
 calibres wrong; our range is closing because of the neighbours
do: carry legally across state lines; teach a teenager to shoot; clear a stuck case
claim: an armed citizen deters crime; registration leads to confiscation; nobody needs thirty rounds to hunt deer;
 laws that punish owners do not stop thieves; statistics on shootings are bent by both sides

the Middle East
about: the occupied territories; the peace talks; water rights; refugees; the ceasefire; settlements; Lebanon
trouble: every ceasefire fails within weeks; villages were destroyed and nobody speaks of it; the checkpoint is
 closed again; each side counts only its own dead
do: divide water fairly; talk about the conflict without shouting; trust a border drawn by outsiders
claim: no peace will last without justice; terror is terror whoever commits it; maps from 1948 settle nothing;
 outside powers sell weapons and preach peace; civilians pay for every leader's pride

Turkey, Armenia and the Balkans
about: the massacres of the last century; Cyprus; the archives; ethnic borders; Bosnia; minority schools; Greece
trouble: the documents are quoted without their dates; villages changed names three times; the embargo hurts the
 wrong side; nationalists on both shores rewrite history
do: establish what happened in a village; write history with two neighbours; stop a siege without troops
claim: denial is the last stage of a crime; not each Turk or Greek answers for a government; borders drawn in blood
 stay red; the world looked away in Bosnia

taxes and the budget
about: the deficit; income tax; spending cuts; the health plan; subsidies; tariffs; the minimum wage; welfare
trouble: the middle class pays for everything; the deficit grows under both parties; farmers get paid for not
 planting; small firms drown in forms; my taxes rise and the roads get worse
do: cut spending without hurting the poor; tax land and not work; balance a budget in one term
claim: a flat tax is a gift to the rich; high rates drive capital away; government wastes what it did not earn;
 public debt is a tax on children; the market does not build hospitals

elections and parties
about: campaign money; polls; term limits; the senate race; the debate; voting machines; third parties; the president
trouble: neither candidate answers a question; the district is drawn like a snake; turnout fell below forty percent;
 ads lie and nobody is punished; my polling place moved twice
do: get young people to vote; read a poll; limit money in campaigns; replace a party leader
claim: a wasted vote is one for someone you despise; term limits give power to lobbyists; the press covers the horse
 race and no policy; coalitions force adults to talk

civil liberties and police
about: free speech; search warrants; the siege; police conduct; gay rights; surveillance; jury trials; affirmative
 action
trouble: the raid was broadcast before it started; no officer was charged; a warrant was issued on one anonymous
 call; the files are sealed for thirty years; police took cash and kept it
do: get a record cleared; film an arrest lawfully; protect speech we hate; hold an agent responsible
claim: rights are for those we dislike or they are nothing; the fire need not have happened; private life is no
 business of the state; nothing to hide is no argument; police unions protect the wrong men

war and history
goods: history of the war; old map; medal; model ship
about: the Roman army; the Cold War; trench warfare; castles; the fall of empires; sea battles; slavery
trouble: the film got the uniforms wrong; textbooks skip the famine; two diaries disagree about the date; the museum
 closed the only good room; the fort is falling into the river
do: date an undated photo; teach the war to ten-year-olds; read old handwriting
claim: logistics decide more than generals; empires fall from within; winners write it but losers remember; bombing
 cities broke no one's will

drugs and alcohol policy
about: legalisation; needle exchange; drunk driving; prison sentences; smoking bans; addiction; medical marijuana
trouble: prisons are full of small dealers; the clinic has a waiting list of a year; the ban made the stuff stronger;
 smokers stand in each doorway; my cousin cannot get treatment
do: stop smoking without gaining weight; treat addicts as patients; test drivers fairly
claim: prohibition failed then and fails now; taxing it beats fighting it; alcohol kills more than all the rest;
 addiction is a disease and no crime

immigration and borders
about: visas; asylum; the language test; border controls; guest workers; citizenship; work permits
trouble: the embassy lost my papers; the queue for a permit is two years; my husband may not work yet; employers pay
 them half; the officer asks the same thing each time
do: bring my parents over; get a foreign degree accepted; learn a language at fifty
claim: newcomers pay in more than they take; a border without rules helps traffickers; language is the door; people
 move for work and stay for children

teaching and schools
goods: school desk; set of readers; microscope for schools; calculator for class
about: homework; class sizes; exams; phonics; private schools; student loans; school lunches; online courses
trouble: thirty-four children sit in one room; the test measures who can sit still; parents write the essays; the new
 maths book confuses teachers; half of my class has not eaten
do: calm a class after lunch; pay for college; teach fractions with oranges; help a child who hates reading
claim: small classes beat new gadgets; exams test exams; teachers leave because of paper and not of pupils; phonics
 works and always did

law and consumers
about: small claims; warranties; landlords; copyright; contracts; patents; refunds; wills
trouble: the shop refuses a refund; the seller blames the courier; the contract renews by itself; they deny the
 warranty because of a sticker; my copyright notice was ignored
do: return a thing without a receipt; cancel a gym contract; make a simple will; copyright a song
claim: a contract nobody can read should not bind; patents on ideas hurt inventors; small claims court works better
 than people fear; the customer is not always right
"""
