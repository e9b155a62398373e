"""Matters of an office, for e-mails: subject lines, what happened, what is asked, what comes next."""

WORK = """
meetings
subject: Thursday's meeting; staff meeting moved; agenda for Monday; room for the planning session
news: the Thursday meeting has moved to 2 pm; the large room is taken all week; three people cannot make Monday; the
 call ran over and we skipped item four
ask: let me know which time suits you; send me your agenda items by noon; find somebody to take minutes; dial in five
 minutes early
next: I will send a new invitation; we will start with the open points; lunch will be there from twelve

quarterly figures
subject: Q3 numbers; draft of the quarterly report; variance in the forecast; month-end close
news: sales are four percent below plan; the forecast and the ledger differ by a rounding line; travel costs doubled
 in June; the draft still lacks the regional split
ask: check the figures on page three; send me your accruals by Wednesday; explain the jump in row nineteen; sign off
 the summary
next: I will close the books on Friday; the board sees it on the tenth; I am updating the chart tonight

contracts
subject: revised contract; comments on the draft; signature pages; confidentiality agreement
news: legal marked up clause seven; the other side accepted our payment terms; the annex is still missing; their
 counsel wants a shorter notice period
ask: look over the redline before I send it; get two signed copies to me; tell me if the liability cap works for you;
 confirm the name of the entity
next: we should be able to sign next week; I will call their lawyer; the old agreement runs until March

gas and power trading
subject: deal tickets; pipeline nominations; curve shift; day-ahead positions; storage volumes
news: the counterparty disputes the June volumes; the desk was short going into the weekend; the pipeline cut our
 nomination; two deals were booked at the wrong price
ask: change the price on both deals; confirm the delivery point with the scheduler; send the curves before four;
 check whether the swap was booked twice
next: we will true it up at month end; risk wants a note on it; I am moving the volumes to the other book

server outages
subject: outage last night; planned maintenance; mail server down; slow network on floor two
news: the mail server was down for forty minutes; a disk in the array failed; the patch broke single sign-on; backups
 did not run on Sunday
ask: log out before six; tell me if you still see errors; restart your machine once; leave the old files where they
 are
next: we replace the disk at night; a full write-up follows; service should be normal by nine

software releases
subject: release candidate; bug in the export; code freeze; test results; rollback plan
news: the export drops the last row; two blockers are still open; the customer found it before we did; all tests
 passed on the branch
ask: retest the import with the new build; review my branch today; hold the merge until I say so; add your notes to
 the change log
next: we ship on Tuesday if nothing breaks; I will cut a branch at noon; the fix goes into the next build

hiring
subject: candidate for the analyst role; interview on Tuesday; second round; offer letter; summer interns
news: the second candidate was very strong; she has another offer; the analyst position is approved; he would need a
 visa
ask: send me your notes on her; interview him at eleven; call his reference; decide by tomorrow
next: I will make the offer by phone; we invite two more; the start date would be the first

business travel
subject: trip to Denver; hotel booking; expense report; flights for the fair; car hire
news: my flight was cancelled; the hotel has no record of us; your receipt for the taxi is missing; fares go up at
 midnight
ask: book me on the early train; approve the trip today; send the original receipts; pick a hotel near the fair
next: I land at seven and come straight over; I will be on mobile; finance pays on the fifteenth

training
subject: safety training; course on spreadsheets; new starters; first aid refresher
news: nine people have not done the safety module; the trainer is ill; places are left in the afternoon group; the
 course now takes half a day
ask: sign up by Friday; remind your team; bring a laptop; tell me about your allergies for the lunch
next: certificates come by post; the next one is in May; slides will be on the shared drive

customers
subject: complaint from a customer; visit on the ninth; renewal; feedback on the pilot; late delivery
news: the customer is unhappy with the delay; they asked for a discount again; the pilot went better than we hoped;
 their buyer left the firm
ask: call them before lunch; give me something I can promise; stop the reminder letters; join me for the visit
next: I offer them a credit; they decide at the end of the month; we owe them an answer today

invoices
subject: invoice overdue; purchase order; duplicate payment; supplier details; petty cash
news: the March invoice was paid twice; no order number is on it; the supplier has put us on hold; the amount does
 not match the quote
ask: approve it in the system; find the delivery note; send it to accounts and not to me; raise an order first
next: payment goes out on Thursday; I asked for a credit note; the supplier will wait till Monday

marketing
subject: brochure proof; slogan ideas; trade fair stand; newsletter; web campaign
news: the proof has the old logo; the campaign got nine hundred clicks; our stand is next to the entrance; nobody
 liked option B
ask: choose one of three covers; check the spelling of the names; give me two lines on your product; approve the
 proof by four
next: it goes to print tonight; we post it on Monday; the agency sends a last version

shipping and stock
subject: stock count; missing pallet; shipment held at customs; backorders; carrier strike
news: one pallet never arrived; customs wants another form; we are out of the blue ones; the carrier is on strike
 from Wednesday
ask: count bay six again; tell the shop to stop taking orders; find me a second carrier; send the packing list
next: the truck is due at five; I split the order; the rest follows by air

budget
subject: budget for next year; spending freeze; cost centre; savings round two
news: the budget came back cut by a tenth; two posts are frozen; nothing is left for equipment; head office moved the
 deadline
ask: send your wish list in order; tell me what can wait; defend the line for travel; move it to another cost centre
next: I present it on the third; there will be a round two; we hear by Christmas

building and office
subject: fire drill; air conditioning; parking permits; kitchen; lost key; desk moves
news: the lift is out again; somebody left the fridge open; we move to floor five in May; the drill took nine minutes
ask: pack your desk by Thursday; return the spare key; park on the street on Monday; label your boxes
next: movers come at seven; a plumber is on his way; passes will be renewed

holidays and leave
subject: leave in August; cover for next week; out of office; sick today; public holidays
news: three of us want the same week; I am down with a cold; the plan for August has a hole; my leave was approved
ask: cover the phones for me; swap with me if you can; put your dates into the calendar; forward anything urgent
next: I am back on the twelfth; a colleague looks after it; I read mail in the evening

farewells and thanks
subject: goodbye; cake at three; retirement party; thank you all; welcome to the team
news: it is my last day; our bookkeeper retires after thirty years; the team grew by two; you all did a great job on
 the audit
ask: come by for cake at three; sign the card on my desk; chip in for a present; say hello to her
next: we meet at the pub; drinks are on me; stay in touch

audit and compliance
subject: audit on site; data request; policy update; retention of mail; conflict of interest form
news: the auditors come for two weeks; a sample of forty files was picked; the policy on gifts changed; legal placed
 a hold on the mail archive
ask: keep every message about the project; fill in the form by month end; let them sit in room four; report gifts
 over fifty
next: they start with payroll; findings come in a month; I walk them through it

product design
subject: prototype two; drawings; user test; colour of the housing; recall of the hinge
news: the hinge broke after nine thousand cycles; six of eight users missed the button; the new housing is lighter;
 the drawing has a wrong radius
ask: order two more samples; look at the drawing; choose between steel and nylon; test it wet
next: we cut a new mould; the review is on Monday; I print another one tonight

research and university
subject: paper deadline; lab meeting; grant application; seminar; marks for the course; reviewer comments
news: reviewer two wants another experiment; the freezer alarm went off; the grant was not funded; six students
 handed in late
ask: read the introduction; send me your figures; take the tutorial on Friday; add a reference or two
next: I submit at midnight; we resubmit in spring; the seminar is by video

elections and public offices
subject: press line; talking points; briefing for the minister; question from a member; travel of the delegation
news: the minister wants a shorter brief; a reporter asked about the leak; the vote slipped to Tuesday; the embassy
 sent a note
ask: clear the press line by ten; give me three points and no more; pass every caller on to me; check the quote with
 the office
next: she speaks at four; the transcript follows; we hold the line

clubs and volunteers
subject: bake sale; rota for the soup kitchen; football pitch; choir tour; annual meeting
news: we are two drivers short; the hall is booked by the scouts; the sale made three hundred; our treasurer stands
 down
ask: take one shift in June; bring a cake; pay your fee; stand for treasurer
next: keys are at the bakery; we meet at the gate; results go on the board

school and parents
subject: class trip; parents' evening; lost jacket; nits again; school play
news: the trip costs a little more; a child has chicken pox; the play needs three trees; the bus leaves at seven sharp
ask: return the slip; pack a lunch; label the clothes; send a white shirt
next: we are back by five; photos come later; there is no school on Friday

property and rent
subject: viewing on Saturday; leak in flat nine; lease renewal; deposit; boiler service
news: the tenant in nine reports a leak; two parties want the shop; the lease ends in June; the boiler failed
 inspection
ask: let the plumber in; send the meter reading; sign the inventory; name your best offer
next: I show it at ten; the deposit goes back in two weeks; the owner decides
"""
