"""Topics of machines: computers, electronics, vehicles; see `Topic` and `parsed` for the format."""

TECHNOLOGY = """
PC hardware
goods: hard drive; graphics card; motherboard; power supply; memory module; CPU cooler; disk controller
about: jumper settings; the bus speed; interrupt conflicts; memory timing; the new chipsets; drive noise
trouble: the machine beeps three times and never boots; the second drive is not seen by the BIOS; the fan spins up
 but the screen stays black; it locks up as soon as the disk cache is on; the card only runs at half its rated speed
do: run two drives on one controller; get the board to see all of its memory; cool the processor without much noise
claim: a cheap power supply is the first thing to suspect; SCSI was always worth the extra money; benchmarks of disk
 speed mean nothing once the cache is warm; nobody needs the top processor for office work

Macintosh computers
goods: PowerBook; one-button mouse; external monitor; laser printer; SIMM; docking station; desktop Mac
about: the system folder; extensions and control panels; the new PowerPC models; virtual memory; the battery
trouble: the Finder quits whenever I open a large folder; the internal drive no longer mounts; the desktop file has
 to be rebuilt every week; my Mac hangs at the happy face; the sound stutters when virtual memory is on
do: connect a PC monitor to an older Mac; share a printer over LocalTalk; upgrade the memory without voiding anything
claim: the Mac is still easier for anyone who draws for a living; the accelerator boards cost more than they give; a
 clean system folder solves most crashes; Apple should have licensed the system years ago

Windows on the desktop
goods: boxed copy of Windows; sound card; font package; file manager; screen saver pack
about: INI files; the swap file; printer drivers; program groups; video drivers; DLL versions
trouble: Windows throws a general protection fault in the word processor; the swap file grows until the disk is full;
 fonts come out as boxes on paper; the driver works in 16 colours only; icons lose their pictures after a restart
do: make Windows forget a deleted program; change the startup logo; run a DOS program in a window without slowing it
claim: a permanent swap file is always faster; most crashes come from drivers and not from Windows itself; DOS was
 easier to repair; nobody should have to edit a text file to move a menu

X and window systems
goods: X terminal; workstation; colour display; three-button mouse
about: the widget set; colour maps; resource files; the window manager; event handling; the toolkit
trouble: the widget never gets an expose event; the server runs out of colour cells; my pixmap is drawn one frame
 late; the client dies with a bad window error; the callback fires twice for one click
do: draw into an offscreen pixmap; catch a key press before the text widget takes it; open a display on another host
claim: a toolkit ought to hide the colour map altogether; Motif is heavy but it is what customers ask for; a window
 manager should never decide where my windows go; the manual pages explain everything except what you need

3D graphics programming
goods: drawing tablet; graphics workstation; ray tracing program; 24-bit frame buffer
about: polygon clipping; texture mapping; image file formats; Bezier surfaces; shading; colour quantisation
trouble: my ray tracer leaves black dots on every sphere; the polygons flicker where they overlap; the GIF comes out
 with wrong colours; the spline has a kink at each joint; the normals point inward after the rotation
do: find the circle through three points in space; convert an image from JPEG to raw pixels; triangulate a polygon
 with holes; morph one face into another
claim: fixed point is plenty for a renderer; nobody should write a file format without a version number; radiosity
 looks good but takes all night; a depth buffer is simpler than any sorting

Linux servers
goods: rack server; old tower server; tape drive; serial console; backup disk
about: kernel modules; log rotation; file permissions; the package manager; cron jobs; mounting network shares
trouble: the daemon dies overnight and leaves nothing in the log; the kernel panics after the upgrade; cron runs the
 script but finds no path; the disk is full though du says otherwise; sshd refuses my key
do: restart a service when it crashes; keep two servers in step; find out which process holds a port; shrink a
 partition
claim: a plain shell script beats any orchestration tool; the documentation got worse with every release; backups you
 never restored are not backups; systemd is better than people say

programming languages
goods: compiler manual; programming textbook; mechanical keyboard; debugger licence
about: garbage collection; type systems; pointers; recursion; the standard library; code review; unit tests
trouble: the linker complains about an undefined symbol; my loop runs one time too many; the parser chokes on nested
 comments; a segfault goes away as soon as I add a print; the build takes twenty minutes
do: sort a list of structures by two keys; return two values from a function; read a file line by line without
 leaking memory; learn Lisp after ten years of C
claim: strong types save more time than they cost; premature optimisation is still the commonest mistake; comments
 lie and code does not; any language is fine if the team knows it

home networking
goods: router; network card; modem; switch; length of cable; access point
about: IP addresses; the wireless signal; baud rates; firewalls; cable lengths; name servers
trouble: the connection drops every evening; the modem trains at half speed; wifi does not reach the back bedroom;
 two machines see each other but not the printer; packets vanish as soon as the file is large
do: share one line between two flats; get a fixed address from my provider; bridge two wireless networks
claim: cable beats wireless whenever you can drill a hole; the box that the provider sends is always the worst part;
 mesh sets are overpriced; ping times matter more than bandwidth

cryptography
goods: hardware token; code book; smart card reader
about: key escrow; public keys; one-time pads; block ciphers; the wiretap chip; random numbers; key lengths
trouble: the two ends derive different session keys; nobody can tell me where the random seed comes from; the
 signature fails after the mail passes a gateway; the agency will not publish the algorithm
do: exchange a secret over a tapped line; prove that a cipher has no back door; store a pass phrase safely
claim: a secret algorithm is a weak algorithm; escrowed keys will be stolen sooner or later; the government has no
 business holding anyone's keys; most systems fail at key management and not at the cipher

electronics
goods: oscilloscope; soldering iron; multimeter; bench supply; logic probe; bag of op-amps
about: ground loops; voltage regulators; stepper motors; radar detectors; capacitors; surface-mount parts
trouble: the op-amp oscillates at no load; the regulator gets too hot to touch; my counter skips every third pulse;
 the circuit works on the breadboard but not on the board; hum from the mains gets into the preamp
do: drive a relay from a five volt pin; measure very small currents; dim a lamp without making it buzz; charge a
 sealed lead battery from solar cells
claim: a good ground plane cures half of all noise; cheap meters lie about current; data sheets promise more than
 parts deliver; every beginner should burn out a few LEDs

mobile phones
goods: phone; phone case; charger; battery pack; tablet; pair of wireless earbuds; SIM adapter
about: battery life; roaming charges; text messages; screen repairs; the camera; phone contracts
trouble: the battery is flat by noon; calls drop whenever I enter the kitchen; the screen went green after the
 update; my texts arrive in the wrong order; the charging port only works at an angle
do: move my contacts to another phone; keep my number when I change network; stop an app from tracking me
claim: two-year contracts are a trap; the camera is the only reason to upgrade; removable batteries should be law;
 text messages were better when they cost money

video games
goods: game console; joystick; racing wheel; game cartridge; gaming chair; boxed strategy game
about: boss fights; save points; the multiplayer servers; loot boxes; speed runs; the new expansion
trouble: the game freezes at the third boss; my save is gone since the patch; the lag makes the shooter unplayable;
 the stick drifts to the left; nobody is on the servers after ten
do: beat the ice level without potions; play the old cartridges on a modern TV; unlock the second ending
claim: difficulty settings are no shame; the first game in the series had the better map; microtransactions ruined
 the whole genre; a short good game beats a hundred hours of errands

web sites
goods: domain name; web hosting package; page editor; stock photo bundle
about: style sheets; page loading times; cookies; search rankings; hosting costs; accessibility
trouble: the menu covers the text on small screens; the contact form swallows every third message; images load last;
 the layout breaks in one browser only; the host takes the site down each Sunday
do: center a box both ways; redirect an old page; let a club edit its own site without calling me
claim: nobody wants music on a page; plain pages load faster and rank better; cookie banners help no one; a site
 without a date on it cannot be trusted

artificial intelligence
goods: textbook on neural nets; graphics card for training; robot kit
about: neural networks; training data; chess programs; overfitting; expert systems; language models; robot vision
trouble: the network learns the training set by heart; the loss goes to infinity in epoch two; my robot sees walls
 where there are shadows; the model invents references; the labels are wrong in one case out of ten
do: tell when a model is guessing; train on a laptop; label images without going mad; explain a prediction to a
 customer
claim: more data beats a cleverer model; calling it intelligence does harm; simple baselines are skipped because they
 win; no program understands a joke

hi-fi audio
goods: turntable; amplifier; pair of speakers; CD player; tuner; tape deck; subwoofer
about: speaker cables; tube amplifiers; room acoustics; pressing quality; turntable cartridges
trouble: the left channel cuts out at low volume; the turntable runs a little fast; bass booms in one corner; the
 player skips on the last track; there is hum until I touch the arm
do: match speakers to a small amp; get rid of turntable rumble; transfer tapes without hiss
claim: cables make no difference above a certain price; the room matters more than the amplifier; nobody passes a
 blind test; tubes distort and that is why people like them

photography
goods: camera body; tripod; zoom lens; flash unit; enlarger; light meter; camera bag
about: depth of field; night shots; black and white film; lens sharpness; wedding photos; white balance
trouble: half of the pictures are soft; the shutter sticks in the cold; the flash fires late; skies come out white;
 there is dust on the sensor
do: photograph the moon; meter for snow; scan old slides; freeze a dancer in poor light
claim: light matters and gear does not; a tripod improves any lens; film teaches patience; the kit lens is better
 than forums say

computer security
goods: password manager licence; backup drive; security key
about: viruses; passwords; phishing mails; data breaches; software patches; spam filters
trouble: a program I never installed sends mail in my name; the virus scanner slows down everything; my account was
 locked for a login from another country; the patch broke the firewall
do: tell a false login page from the right one; clean an infected machine; protect my parents from scam calls
claim: forced password changes make things worse; users are blamed for what designers did; most viruses arrive by
 invitation; disclosure is the only thing vendors fear

cars
goods: sedan; station wagon; set of winter tires; alternator; roof rack; car stereo; used hatchback; convertible
about: oil changes; automatic transmissions; insurance rates; brake pads; rust; fuel economy; dealers
trouble: the engine stalls when it is cold; the brakes squeal in reverse; my clutch slips on hills; the dealer wants
 a fortune for a sensor; it pulls to the right above sixty; the check engine light comes back each week
do: stop the rust at the wheel arches; bleed the clutch alone; buy a used car without being cheated; quiet a wind
 noise
claim: front-wheel drive is better in snow; dealers rip off anyone who smiles; manual gearboxes are dying for no good
 reason; changing the oil more often is cheap insurance

motorcycles
goods: motorcycle; helmet; leather jacket; set of saddlebags; carburettor kit; touring bike; scooter
about: helmet laws; chain care; counter-steering; riding in the rain; drivers who do not look; the group ride
trouble: the bike bogs when I open the throttle; the forks leak after every ride; a dog chases me at the same corner;
 the battery dies each winter; my passenger bumps helmets when I brake
do: ride safely behind a truck; store a bike for the winter; pick a first bike for a short rider
claim: a helmet that fits is worth any price; loud pipes save nobody; the wave between riders is alive and well; new
 riders should start on something small

bicycles
goods: road bike; mountain bike; child seat; pannier; wheelset; leather saddle; folding bicycle
about: bike lanes; gear ratios; tubeless tyres; saddle height; commuting in winter; theft
trouble: the chain jumps on the small cog; my back wheel is out of true again; the bottom bracket creaks on climbs;
 cars park in the lane each morning; my hands go numb after an hour
do: fix a puncture in the rain; climb without blowing up; choose a lock that holds; get a stuck seat post out
claim: steel frames ride better than carbon; bike lanes of paint protect no one; wider tyres are faster than people
 think; most riders have the saddle too low

sailing and boats
goods: dinghy; outboard motor; anchor; sail; life jacket; kayak; boat trailer
about: mooring fees; hull blisters; knots; tides; bilge pumps; the harbour rules
trouble: the outboard dies in neutral; water comes in around the keel bolts; the anchor drags on mud; the jib tears
 at the same seam; our mooring was given away
do: reef in a rising wind; keep mould out of the cabin; teach children to sail; patch fibreglass
claim: a boat is a hole into which you pour money; nobody should go out without a paper chart; small boats teach
 better sailors; two anchors are never too many

flying and aviation
goods: headset; flight bag; pilot's logbook; share in a light plane; radio-controlled plane
about: landing in crosswinds; airline seats; engine-out drills; flight training costs; air traffic control; jet lag
trouble: the approach light was out again; my landings are all flat; the airline lost the stroller; the engine runs
 rough at altitude; flights to the island are cancelled at every fog
do: fly a short field approach; sleep on a night flight; pass the medical; keep costs down while training
claim: stick and rudder skills are fading; the middle seat should have both armrests; a simulator teaches procedures
 but not fear; regional lines treat pilots badly
"""
