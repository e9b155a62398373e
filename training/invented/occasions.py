"""Phrases for letters that are not clinical, by occasion: subjects, openings, details and wishes."""

# One paragraph for each occasion. Its five lines are the tone (stiff, plain, warm), subjects, openings, details and
# wishes; alternatives are separated by semicolons. Names in braces are rules of the grammar in letters.py.
OCCASIONS = """
stiff
faulty {item}; order of {date}; complaint about a {item}
I bought a {item} from you on {date} and it has failed already; the {item} delivered on {date} does not work
it stopped after {few} days; the switch is loose; the box was dented on arrival; your shop told me to wait;\
 the manual is no help; I kept the receipt
I expect a refund of {money}; please send a replacement by {day}; tell me how you will mend this

stiff
late delivery; where is my {item}; parcel not received
my order of {date} has still not come; I have been waiting {few} weeks for a {item}
the tracking page shows nothing; the driver left no card; a neighbour saw no van; you have taken {money};\
 the gift was meant for {day}
please find out where it is; cancel the order if it cannot come by {day}; I would like the postage back

stiff
your invoice; overcharged account; query on a bill
your bill dated {date} asks for {money}, which is wrong; we were charged twice for the {item}
our meter reading was lower; the contract ended in {month}; a credit from {month} is missing; we paid by transfer
send a corrected bill; confirm that nothing is owed; stop the reminders while this is looked into

stiff
noise at night; repairs to the flat; damp in the bedroom
the {room} has had damp for {few} weeks; the boiler went off again on {day}
the wall is black behind the wardrobe; your plumber came once; there is no hot water after eight;\
 the window no longer shuts; the children cough
please have it repaired before {day}; tell me when someone will come; I shall ask for a lower rent otherwise

stiff
resignation; notice; leaving the company
I give {few} weeks' notice from {date}; please take this as my resignation from the {team}
I have found a post nearer home; I learned a great deal here; my handover notes are nearly done;\
 two projects will be open in {month}
kindly confirm my last day; I would be glad to train whoever comes next; let us agree the holiday left

stiff
job application; post of assistant in the {team}; vacancy
I wish to apply for the post in your {team}; your advertisement of {date} caught my eye
I have worked {few} years in a similar place; my last employer made me deputy; I hold a diploma in accounts;\
 I am used to angry customers; I speak some Portuguese
I could come for an interview on {day}; my papers are enclosed; references can be had at once

stiff
your application; interview; outcome
thank you for applying to our {team}; we have read your papers of {date} with interest
there were more than sixty candidates; your experience with the {item} impressed us; the post has changed since;\
 the panel met on {day}
we should like to meet you on {day}; unfortunately we cannot offer you the place; we may keep your papers till {month}

stiff
confirmation of your booking; reservation; your stay
we are pleased to confirm your room from {date}; your table for {few} on {day} is booked
breakfast is from seven; the car park is behind the house; dogs are welcome on the ground floor; a deposit of {money}\
 has been received; the lift is out of use
please tell us when you will arrive; changes are free until {day}; do mention any diet

stiff
change of tariff; your account; annual statement
from {date} the price of your plan goes to {money}; your account has been moved to the new system
nothing else changes; the old card stays valid until {month}; the fee is taken on the third of each month;\
 online statements replace paper
you need do nothing; write to us before {day} if you wish to leave; keep this notice with your papers

stiff
reminder; unpaid account; second notice
our records show {money} open since {date}; the invoice for the {item} is overdue
perhaps it has slipped your mind; the goods were signed for in {month}; interest has not been added yet
please settle it by {day}; ring us if there is a difficulty; disregard this if you have paid

stiff
insurance claim; water damage; stolen {item}
I wish to report a loss on {date}; a pipe burst in the {room} while we were away
the carpet is ruined; a roofer estimates {money}; photographs are attached; the police have been told;\
 the {item} was {few} years old
please send the forms; say whether I may start the repair; when can your assessor come

stiff
parking ticket; appeal; penalty notice
I write to appeal against a ticket given on {date}; the fine of {money} seems unjust to me
the machine was broken; the sign is hidden by a hedge; an old man beside me had fallen; I bought a ticket for\
 two hours
please cancel it; I ask for a hearing; send me the warden's photograph

plain
meeting on {day}; agenda; moving our meeting
can we move {day}'s meeting about the {item}; I am sorry but I can't make {day}
the figures from {month} aren't in yet; two people from the {team} are ill; the small room is taken;\
 my train is at four; I'd rather not decide without you
does {day} suit you; send me your points before then; shall we do it by phone instead

plain
the {item} project; where we stand; short update
a quick note on the {item}; here is where we are with the {item} after this week
the supplier has slipped by {few} days; testing starts in {month}; cost so far is {money};\
 one drawing is still missing;\
 the {team} has been a great help
tell me where you see a risk; I'll report again on {day}; could you approve the extra spend

plain
minutes; what we agreed; follow-up
thanks for coming on {day}, here is what we agreed about the {item}; as promised, a summary of our talk
the {team} will look at prices; nobody wants to change the date; training comes first; a budget of {money} is fixed
shout if I got something wrong; we meet again on {day}; please do your bit by {month}

plain
apology for the delay; sorry; our mistake
I'm sorry that your {item} went to the wrong address; we owe you an apology for what happened on {date}
a label was swapped in the warehouse; the person in charge was off sick; we have changed how we check; it should\
 have been noticed sooner
we've put {money} back on your card; a new one leaves on {day}; please give us another chance

plain
question about the {item}; a quote please; price
could you give me a price for a {item}; I'm looking for someone to mend a {item}
it is {few} years old; the handle came off; the colour doesn't matter; I can bring it round; my budget is {money}
do you have time before {day}; please say what it would cost; just ring the bell

plain
login trouble; access to the shared folder; password
since {day} I can't open the shared folder of the {team}; the new system throws me out each time
it says my licence has run out; restarting didn't help; others in the {room} have the same; I need the {month} report
can someone look at it today; tell me whom to ask; I'm at my desk until five

plain
school trip; parents' evening; term dates
on {date} the class goes to the museum; parents' evening is on {day} this term
the coach leaves at half past eight; packed lunch and a raincoat please; the cost is {money};\
 two parents may come along;\
 no phones
return the slip by {day}; tell the office about allergies; help with the cake stall is welcome

plain
club news; annual meeting; choir practice
our yearly meeting is on {date} in the {room}; rehearsals start again on {day}
the fee stays at {money}; we need a new treasurer; the summer concert made a profit; {few} members have left
come even if you are new; bring a friend; put your name on the list by {month}

warm
thank you; the weekend; a lovely evening
thank you for having us on {day}; what a treat the {item} was, you really shouldn't have
the children talk of nothing else; your soup was a triumph; we got home just before the storm; I still laugh about\
 the dog
you must come to us in {month}; send me that recipe; a big hug to everyone

warm
you're invited; party; {friend}'s birthday
we're having a party for {friend} on {date}; come and eat cake with us on {day}
it starts at three in the garden; no presents please; a band from the village will play; there is room for tents;\
 {few} cousins are flying in
let us know by {day}; bring a chair if you can; wear something silly

warm
get well; thinking of you; how are you
{friend} told me about your operation; I was so sorry to hear that you are laid up
we miss you at the {team}; the garden can wait; I am told the food is dreadful; your cat is fat and happy;\
 I'll bring books
don't rush; tell me when I may visit; ring when you feel like it

warm
our news; from the new house; long time no see
we have moved at last, boxes everywhere; it's been {few} months since I wrote, forgive me
{friend} started school in {month}; the roof leaked the first night; I found work at a library;\
 the neighbours keep bees;\
 the {room} is painted yellow
come and see it; write me all your news; I'll phone on {day}

warm
condolence; so sorry; {friend}
I was deeply sad to hear about {friend}; words are poor things at such a time
I remember the walks by the river; such kindness is rare; everybody in the {team} is thinking of you;\
 that laugh will stay with us
I'm here if you want company; please don't answer this; I will come on {day}

warm
congratulations; well done; hurrah
congratulations on the new job; we heard that {friend} passed, hurrah
all those evenings at the {room} table paid off; I never doubted it; your mother must be bursting;\
 we opened a bottle at once
let's celebrate on {day}; tell me everything; save me a slice of cake

warm
holiday; greetings from the coast; the cottage
we have a cottage near the sea until {date}; the train took {few} hours longer but here we are
it has rained daily; {friend} swims all the same; the {item} broke at once; fish for supper every night;\
 the view makes up for it
wish you were here; back on {day}; water the tomatoes please

warm
favour; looking after the cat; keys
would you do me a favour on {day}; could you feed the cat while we're away in {month}
the key is with {friend}; she eats twice a day; plants only need a splash; the alarm is off; we're gone {few} days
say no if it is a bother; I'll bring you something nice; text me either way

warm
falling out; about last {day}; making up
I've been thinking about what I said on {day}; we shouldn't stay cross over a {item}
I was tired and you were right; {friend} says we are both mules; I miss our Sunday walks;\
 money is no reason to quarrel
let's have a coffee; I'm sorry; shall we start again

stiff
letter of recommendation; reference for {friend}; to whom it may concern
I have known {friend} for {few} years in our {team}; you asked me about {friend}, who worked here until {month}
punctual and calm; quick with figures; clients asked for that person by name; once saved us {money} with one question
I recommend this person warmly; write to me for more; any employer would be lucky

stiff
planning objection; the new road; proposed building
I object to the plan published on {date}; as a resident I am worried about the new road
traffic has doubled; the school is next door; old trees would go; {few} households share one drive;\
 drains flood in {month}
please refuse it; I ask to speak at the hearing; send me the full drawings

stiff
cancelling my membership; end of contract; gym
please end my membership from {date}; I no longer want the {item} subscription
I have moved away; the class I came for was dropped; I was promised I could leave in {month}; {money} went off again
confirm this in writing; return what I overpaid; delete my details
"""
