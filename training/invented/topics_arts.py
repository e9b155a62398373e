"""Topics of leisure: sports, games, music, books, films, crafts; see `Topic` and `parsed` for the format."""

ARTS = """
baseball
goods: baseball glove; pair of season tickets; rookie card; wooden bat
about: the bullpen; the infield; batting averages; free agents; the trade deadline; spring training; the umpires
trouble: our closer blows every second lead; the shortstop cannot hit a curve; the manager leaves starters in too
 long; the rotation has one pitcher; they left nine men on base
do: fix a bullpen; value a walk against a single; pick an all-star team; get tickets for opening day
claim: on-base percentage tells more than the average; the bunt is a wasted out; clutch hitting does not exist; a
 catcher is worth more than his bat

ice hockey
goods: hockey stick; pair of skates; team jersey; goalie mask; playoff ticket
about: the power play; fighting; the goalie; overtime; the draft; line changes; the referees; the playoffs
trouble: the defence gives the puck away; we have not scored on a power play for a week; the goalie goes down too
 early; their captain is out with a knee; the league moved the team
do: beat a trap; sharpen skates at home; stop a breakaway; seed the playoffs fairly
claim: goalies win the cup; fighting sells tickets and loses games; European players made it faster; the captain
 should have been benched

football of eleven players
goods: football shirt; season ticket; pair of football boots; match programme
about: the offside rule; transfers; the relegation fight; the striker; penalties; the cup draw; the new coach
trouble: we concede from each corner; the striker has not scored since August; the owner sells anyone who can run;
 the referee gave a penalty for nothing
do: defend corners; take a penalty; survive in the second division; teach the offside trap
claim: possession wins no matches; video review kills joy; a good keeper is worth ten points; agents run the game

American football and basketball
goods: team cap; basketball hoop; signed ball; pair of high-tops
about: the quarterback; the draft; zone defence; free throws; the running game; college bowls; three-pointers
trouble: the line cannot protect anyone; they miss free throws in each close game; the coach calls the same play on
 third down; our centre fouls out by half-time
do: break a full-court press; read a blitz; improve a free throw; rank college teams
claim: defence wins titles; the draft is a lottery; the three-pointer changed all; a running back is easy to replace

tennis, golf and running
goods: tennis racket; set of golf clubs; pair of running shoes; treadmill; golf cart; swim goggles
about: the serve; putting; marathon training; shin splints; grips; the short game; swimming laps; the half marathon
trouble: my slice gets worse; the knee hurts after six miles; I double fault under pressure; putts stop short; I hit
 the wall at mile twenty
do: cure a slice; pace a first marathon; hit a second serve; breathe when swimming
claim: stretching is overrated; clubs do not fix a swing; slow miles make fast runners; grunting should cost a point

boxing, racing and cycling races
goods: heavy bag; race ticket; helmet signed by a driver; pair of boxing gloves
about: the title fight; pit stops; doping; the mountain stage; qualifying; the judges' cards; team orders
trouble: the judges saw another fight; the safety car ruins each race; half of the field is suspended; he cannot
 fight inside; the tyres last nine laps
do: pass on a narrow track; score a round; climb with the leaders; make weight
claim: the car wins and not the driver; three belts mean no champion; breakaways are made by helpers; rain shows
 talent

chess, cards and board games
goods: chess set; chess clock; board game; deck of cards; set of dice; role-playing manual
about: openings; endgames; bridge bidding; poker odds; house rules; dice; war games; puzzles
trouble: I lose won endgames; my partner never leads trumps; one player takes ten minutes a move; the rules
 contradict each other; we forgot who was dealer
do: mate with bishop and knight; teach bridge to beginners; end a game that will not end; count cards fairly
claim: endgames first and openings later; luck makes games social; bluffing is arithmetic; long games need snacks

guitars and bands
goods: electric guitar; bass amp; drum kit; effects pedal; keyboard; acoustic guitar; microphone
about: chord changes; distortion; drummers; rehearsal rooms; strings; tuning; gigs; home recording
trouble: the G string goes flat; the singer is never on time; the amp hums; my fingers hurt after ten minutes; we
 clear the room with song three
do: play barre chords; mike a drum kit; tune down; write a bridge
claim: tone is in the fingers; covers pay the rent; a good drummer makes the band; old tubes sound warm

rock and pop records
goods: first pressing; box set; concert ticket; band T-shirt; pile of CDs
about: the second album; the reunion tour; bootlegs; lyrics; cover art; live versions; the producer; B-sides
trouble: the remaster is too loud; tickets went in four minutes; the singer mumbles; side two is filler; the label
 deleted it
do: find an out-of-print single; date a pressing; get tickets; name a song from two lines
claim: the early demos are better; nobody needs a double album; the drummer was the genius; reunions are about money

classical music and jazz
goods: violin; upright piano; clarinet; set of scores; opera ticket; saxophone
about: the slow movement; choirs; conductors; piano lessons; opera; improvisation; chamber music; practice
trouble: the tenors are flat; my bow bounces; the hall has no bass; the pianist rushes; the piano sticks in damp
 weather
do: sight-read; tune a harpsichord; follow a solo; get over stage fright
claim: live is another art; conductors are paid too much; the quartets are the summit; jazz died of respect

films
goods: film poster; boxed set of films; projector
about: the ending; remakes; horror films; the director's cut; subtitles; war films; the lead actress; trailers
trouble: the plot falls apart in the last half hour; the music tells you what to feel; trailers give away all; nobody
 in it talks like a person; it is forty minutes too long
do: find a silent film; explain the last scene; watch horror alone; name the man who plays the butler
claim: the original is better; practical effects age well; sequels are made by accountants; comedies deserve prizes

books and science fiction
goods: paperback; first edition; box of novels; e-reader; bookshelf
about: time travel; the trilogy; short stories; alien worlds; detective novels; translations; fantasy maps; endings
trouble: book two is all walking; the science is wrong on page one; the author died before the last part; I cannot
 recall the title; the translator cut a chapter
do: find a story about a lighthouse on Mars; start with this author; read more; publish a novel
claim: short stories are where ideas live; maps do not make a world; the book beats the film; adverbs are fine

television series
goods: boxed set; television; video recorder; episode guide
about: the finale; the new doctor; reruns; cliffhangers; season four; soap operas; the android; quiz shows
trouble: they killed the best character; the network moved it again; the pilot explains too much; my recorder missed
 the end; the laugh track drowns it
do: find the missing episode; watch it in order; survive a spoiler; save a cancelled show
claim: it lost its way in season three; captains should stay on the ship; short seasons are better; spoilers ruin
 nothing

knitting, sewing and crafts
goods: sewing machine; bag of wool; loom; pottery wheel; set of needles; box of beads
about: sock heels; patterns; zips; dyeing; quilts; tension; felt; glaze
trouble: the thread snaps at each corner; one sleeve is longer; the wool is discontinued; the glaze runs; stitches
 slip off
do: turn a heel; sew a zip; fix a dropped stitch; read a pattern
claim: swatches save sweaters; cheap wool is dear; hand stitching lasts; patterns lie about sizes

coins, stamps and collecting
goods: stamp album; silver coin; model train; comic book; postcard lot; doll's house
about: auction prices; forgeries; mint marks; grading; model railways; comics; storage; paper money
trouble: the dealer grades too high; damp got into the album; the engine derails on the bridge; half are forgeries
do: spot a forgery; store comics; clean a coin; lay track on a curve
claim: condition is all; never clean a coin; collectors save what museums throw out; fads end in boxes

horses, theatre and dancing
goods: saddle; pair of dance shoes; stage lamp; costume; riding hat
about: auditions; tango; stage fright; lame horses; ballroom; scripts; stable rent; lessons
trouble: the horse will not load; my partner counts aloud; the lead lost his voice; the floor is slippery; nobody
 learns lines
do: load a nervous horse; learn lines; lead a tango; sew a costume overnight
claim: small stages are braver; horses read moods; dancing is walking with care; critics leave early

politics of the town
about: the bypass; parking; the library; school closures; bin collection; the stadium; bus fares; planning permits
trouble: the bus comes once an hour; the library shuts at four; they cut down the limes; bins are full by Sunday; the
 council meets at noon
do: stop a car park; get a crossing; save a library; read a planning notice
claim: free buses pay for themselves; stadiums never earn a cent; parking is a subsidy; small towns need a square

health service and care
about: waiting lists; nurses' pay; care homes; mental health; hospital food; dentists; home helpers; insurance cover
trouble: the wait is eleven months; no dentist takes new patients; the home smells of soup; the insurer rejects each
 claim; nurses leave
do: find a dentist; choose a care home; appeal a refusal; help a carer
claim: nurses run it; prevention is never paid; private beds help nobody; carers need sleep
"""
