"""Lists of given names and surnames, shared by de-identification and the identifiers audit."""


def split_list(text: str) -> tuple[str, ...]:
    """Return the words of a text in order."""
    return tuple(text.split())


def word_set(text: str) -> frozenset[str]:
    """Return the set of the words of a text."""
    return frozenset(text.split())


FEMALE_FIRST = split_list("""
Abigail Ada Adele Agnes Aisha Alexandra Alice Alicia Alina Amanda Amelia Amina Amy Ana Andrea Angela Anita Ann Anna
Anne Annette Antonia Audrey Barbara Beatrice Bernadette Beth Betty Beverly Bonnie Brenda Bridget Camila Carla Carmen
Carol Caroline Catherine Cecilia Charlotte Cheryl Chiara Christina Christine Claire Clara Claudia Colleen Connie
Cynthia Daniela Deborah Debra Denise Diana Diane Dolores Donna Dora Doris Dorothy Edith Eileen Elaine Elena Eleanor
Elisa Elizabeth Ella Ellen Elsa Emily Emma Erica Erin Esther Eva Evelyn Fatima Fiona Florence Frances Francesca
Gabriela Georgia Gertrude Gina Giulia Gladys Gloria Gwen Hannah Heather Heidi Helen Helena Ingrid Irene Irina Isabel
Isabella Jacqueline Jana Jane Janet Janice Jasmine Jean Jennifer Jessica Jill Joan Joanna Johanna Josephine Joyce
Juanita Judith Judy Julia Juliana Julie Karen Karin Katarina Kate Katherine Kathleen Kathryn Katie Keiko Kelly
Kimberly Kristen Larissa Laura Lauren Leah Leila Lena Leticia Linda Lisa Lois Loretta Louise Lucia Lucy Lydia Mabel
Madeleine Maja Marcia Margaret Margarita Maria Mariam Marianne Marie Marilyn Marina Marion Marisol Marta Martha Mary
Maureen Megan Melanie Melissa Mercedes Michelle Mildred Miriam Monica Monika Nadia Nancy Naomi Natalia Natalie Nicole
Nina Nora Norma Olga Olivia Pamela Patricia Paula Pauline Petra Phyllis Priya Rachel Ramona Rebecca Regina Renata Rita
Roberta Rosa Rosemary Roxanne Ruth Sabrina Samantha Sandra Sara Sarah Sharon Sheila Shirley Silvia Simone Sofia Sonia
Sophia Sophie Stella Stephanie Susan Susanna Suzanne Sylvia Tamara Tanya Teresa Theresa Tiffany Tina Ursula Valentina
Valerie Vanessa Vera Veronica Victoria Virginia Vivian Wanda Wendy Yolanda Yuki Yvonne Zoe Zofia
""")
MALE_FIRST = split_list("""
Aaron Abdul Adam Adrian Ahmed Alan Albert Alejandro Alessandro Alex Alexander Alfred Ali Allan Allen Alvin Anders
Andre Andreas Andrew Angelo Anthony Antonio Arnold Arthur Arturo Benjamin Bernard Boris Bradley Brendan Brian Bruce
Bryan Byron Calvin Carl Carlos Cedric Cesar Charles Christian Christopher Claude Clifford Colin Craig Curtis Damian
Daniel Darren Darryl David Dennis Derek Desmond Diego Dimitri Dmitri Dominic Donald Douglas Duncan Dwight Dylan Eamon
Edgar Eduardo Edward Edwin Elias Elliot Emil Enrique Eric Erik Ernest Ethan Eugene Evan Felipe Felix Fernando Francis
Francisco Franco Frederick Gabriel Gareth Gary Geoffrey George Gerald Gilbert Giovanni Glenn Gordon Graham Gregory
Guillermo Gustavo Hans Harold Harry Hassan Hector Heinrich Henrik Henry Herbert Herman Hiroshi Horace Howard Hubert
Hugo Ian Ibrahim Igor Isaac Ivan Jacob Jaime James Jan Jason Javier Jeffrey Jeremy Jerome Jesse Joel Johan John Jonas
Jonathan Jorge Jose Joseph Joshua Juan Julian Julio Karl Keith Kenneth Kevin Kurt Kwame Kyle Lars Laurence Lawrence
Leo Leon Leonard Leroy Leslie Lorenzo Louis Luca Lucas Luis Lukas Luther Magnus Malcolm Manuel Marcel Marco Marcus
Mario Martin Mateo Matthew Maurice Max Michael Miguel Mohamed Mohammed Morris Nathan Nathaniel Neil Nicholas Nicolas
Nigel Nikolai Nils Norman Oliver Omar Oscar Otto Owen Pablo Patrick Paul Pavel Pedro Peter Philip Phillip Pierre Piotr
Rafael Rajesh Ralph Ramon Raul Raymond Reginald Ricardo Richard Robert Roberto Roderick Rodney Roger Roland Roman
Ronald Rudolf Rupert Russell Ryan Salvador Samir Samuel Santiago Scott Sean Sebastian Sergei Sergio Simon Stanley
Stefan Stephen Steven Stuart Sven Terence Theodore Thomas Timothy Tobias Todd Tomas Tony Travis Trevor Vernon Victor
Viktor Vincent Vladimir Walter Warren Wayne Wei Wilhelm William Xavier Yusuf Zachary
""")
# The names in WORD_FIRST and WORD_LAST are also ordinary words, months, places or eponyms. Such a word counts as a
# name only if there is further evidence, such as a second name next to it.
WORD_FIRST = word_set("""
Amber April Art Autumn Basil Bill Bob Chase Chip Christ Clay Colt Crystal Dale Dawn Daisy Dick Drew Earl Eve Faith
Frank Gene Ginger Grace Grant Guy Harmony Hazel Heath Holly Hope Iris Ivy Jack Jade Jasper Jay Jim Jo Joe Joy June
Lance Lane Lily Mark Mason May Melody Mercy Miles Misty Olive Page Patience Pearl Penny Pierce Rich Rob Robin Rod Rose
Ruby Rusty Sam Sandy Sky Summer Sunny Ted Tim Tom Trinity Violet Will Willow Chelsea Austin Dallas Florence Jordan
Kent Paris Sydney Brooke Cliff Forest Hunter Ray Ken Ben Dan Ed Jerry Stan Van Gail
""")
PLAIN_LAST = split_list("""
Abbott Abdullah Acosta Adams Aguilar Ahmed Alvarado Alvarez Andersen Anderson Andersson Andrews Armstrong Arnold
Atkinson Bailey Banerjee Barnett Becker Bennett Berg Bergman Bianchi Blackwell Bradley Brandt Brennan Brooks Bryant
Burke Burns Cabrera Callahan Cameron Campbell Carlson Carpenter Carroll Castillo Castro Chan Chang Chapman Chavez Chen
Chowdhury Christensen Clarke Coleman Collins Connolly Contreras Cooper Cortez Costa Crawford Cunningham Davies
Davidson Davis Delgado Diaz Dixon Dominguez Donnelly Dubois Duncan Edwards Eriksson Espinoza Evans Farrell Ferguson
Fernandez Ferrari Ferreira Fischer Fitzgerald Flores Foster Fraser Freeman Fuentes Fujita Garcia Gardner Garrett
Gibson Goldberg Goldstein Gomez Gonzales Gonzalez Goodman Graham Griffin Guerrero Gupta Gutierrez Haddad Hamilton
Hansen Hanson Harrison Hartman Harvey Hassan Hawkins Hayashi Henderson Hernandez Herrera Hoffman Holmes Hopkins
Horvath Howell Hudson Hughes Hussain Ibrahim Ivanov Jackson Jacobs Jacobson Jenkins Jensen Jimenez Johansson Johnson
Johnston Jones Kaplan Kaur Keller Kelly Kennedy Khan Kim Kowalski Kumar Larsen Larson Lawrence Lawson Lewis Liu Lopez
Lynch Macdonald Maldonado Marquez Marshall Martinez Matthews Mccarthy McDonald Medina Mehta Mendez Mendoza Meyer
Miller Mitchell Molina Montgomery Morales Moreau Moreno Morgan Morris Morrison Müller Muñoz Murakami Nakamura Navarro
Nelson Newman Nguyen Nichols Nielsen Novak O'Brien O'Connor O'Neill O'Sullivan Obrien Okafor Oliveira Olsen Olson
Ortega Ortiz Owens Pacheco Papadopoulos Parsons Patel Patterson Pedersen Perez Perkins Perry Petersen Peterson Petrov
Pham Phillips Popov Quinn Ramirez Ramos Reddy Reyes Reynolds Ricci Richards Richardson Rivera Roberts Robertson
Robinson Rodriguez Rogers Romano Romero Rosario Rossi Rossini Rubio Ruiz Russo Ryan Salazar Sanchez Sanders Santiago
Santos Sato Schmidt Schneider Schreiber Schultz Schwartz Sharma Shah Silva Simmons Simpson Singh Smith Smirnov Soto
Spencer Stevens Stewart Sullivan Suzuki Takahashi Tanaka Taylor Thomas Thompson Thomson Torres Tran Tucker Vargas
Vasquez Vega Villanueva Wagner Walsh Wang Watanabe Watkins Watson Weber Weiss Whitaker Williams Williamson Wilson
Wojcik Wong Wright Yamamoto Yang Zhang Zhao Zimmerman
""")
WORD_LAST = word_set("""
Baker Ball Banks Barber Bell Berry Best Bird Bishop Black Blair Bond Booth Bowman Brown Buck Bush Butler Cannon Carr
Carter Case Chase Church Clark Cole Cook Cox Cross Crown Curry Dale Day Dean Drake Duke English Field Fisher Flynn
Ford Fox French Frost Glass Graves Gray Green Hall Hardy Harper Harris Hart Hill Holland House Hunt Hunter James
Jordan Judge King Knight Lamb Lane Law Lee Little Long Love Lowe Mann Marsh Martin Mason May Mills Moody Moon Moore
Murphy Nash Noble North Page Palmer Parker Parks Parkinson Peck Pierce Poole Pope Porter Potter Powell Power Price
Prince Rice Rich Rivers Rose Rush Shaw Sharp Shepherd Short Singer Snow Stone Strong Summers Swan Temple Turner
Vaughan Wade Walker Wall Ward Waters Weaver Webb Wells West White Wolf Wood Woods Young Addison Barrett Crohn
""")
# entries separated by semicolons, each a given name and its short forms
_SHORT_FORMS = """
abigail abby; abraham abe; albert al bert; alexander alex alec sasha sandy; alexandra alex sasha sandra; alfred alf
fred; alice ali; andrew andy drew; angela angie; anthony tony ant; antonio tony; arthur art; barbara barb babs;
benjamin ben benny; bernard bernie; bradley brad; carolyn carol; caroline carrie; catherine cathy cat kate; charles
charlie chuck chas; charlotte lottie charlie; christian chris; christina chris tina chrissy; christine chris tina
chrissy; christopher chris kit topher; cynthia cindy; daniel dan danny; danielle dani; david dave davey; deborah deb
debbie; dennis denny; dmitri dima; dominic dom; donald don donny; dorothy dot dottie dolly; douglas doug; edgar ed;
edward ed eddie ted ned; edwin ed; eleanor ellie nell nora; elizabeth liz lizzie beth betsy betty eliza libby lisa
bess; eugene gene; evelyn evie; florence flo; frances fran; francis frank; francisco paco pancho; franklin frank;
frederick fred freddie; gabriel gabe; gabriela gabi; geoffrey geoff; gerald gerry jerry; gregory greg; guadalupe lupe;
gwendolyn gwen; harold harry hal; harrison harry; helen nell; henry harry hank hal; herbert herb; howard howie;
isabella bella izzy; isabel bella izzy; jacob jake; jacqueline jackie; james jim jimmy jamie; janet jan; jeffrey jeff;
jennifer jen jenny; jeremy jerry; jessica jess jessie; joan joanie; joanna jo; john johnny jack; jonathan jon jonny;
jose pepe; joseph joe joey; josephine jo josie; joshua josh; judith judy; katherine kathy kate katie kay kit; kathleen
kathy kate katie; kathryn kathy kate katie; kenneth ken kenny; kimberly kim; lawrence larry lars; laurence larry;
leonard leo len lenny; leonardo leo; leslie les; lillian lily; louis lou; louise lou; luis lucho; madeleine maddie;
manuel manny; marcus marc; margaret maggie meg peggy marge greta rita; maria mary; martin marty; matthew matt;
maximilian max; maxwell max; melissa mel missy; michael mike mick mickey mikey; mikhail misha; miguel mike; mildred
millie; mohammed mo; mohamed mo; nancy nan; natalie nat; natalia natasha; nathan nate nat; nathaniel nate nat;
nicholas nick nicky; nicole nicky; oliver ollie; olivia liv; pamela pam; patricia pat patty tricia trish; patrick pat
paddy; penelope penny; peter pete; philip phil; phillip phil; rachel rach; randolph randy; raymond ray; rebecca becky
becca; reginald reg reggie; ricardo rick; richard rick dick rich ricky; robert rob bob bobby robbie bert; roberta
bobbie; roderick rod; rodney rod; roger rog; ronald ron ronnie; rosemary rosie; roxanne roxy; russell russ; samantha
sam sammy; samuel sam sammy; sandra sandy; sebastian seb; sergei seryozha; sophia sophie; stanley stan; stephanie
steph; stephen steve; steven steve; stuart stu; susan sue susie; susanna sue; suzanne sue suzie; sylvia syl; tamara
tammy; terence terry; theodore ted theo teddy; theresa terry tess; teresa terry tess; thomas tom tommy; timothy tim;
tobias toby; valerie val; vanessa nessa; veronica ronnie; victor vic; victoria vicky tori; vincent vince; virginia
ginny; vladimir vova; walter walt; wilhelmina mina; william bill billy will willie liam; winifred winnie; yolanda
yoli; zachary zach
"""


def _short_forms() -> dict[str, frozenset[str]]:
    forms: dict[str, set[str]] = {}
    for name, *short in map(split_list, _SHORT_FORMS.split(";")):
        for form in short:
            forms.setdefault(name, set()).add(form)
            forms.setdefault(form, set()).add(name)
    return {name: frozenset(others) for name, others in forms.items()}


SHORT_FORMS = _short_forms()  # the usual short forms of each given name, and the given names of each short form
FIRST_NAMES = frozenset(FEMALE_FIRST + MALE_FIRST) - WORD_FIRST
LAST_NAMES = frozenset(PLAIN_LAST)
TITLES = word_set("dr drs mr mrs ms miss mx prof professor sir madam rev sister nurse doctor")
DEGREES = split_list("MD DO RN NP PA PhD MBBS FRCP DDS LPN")
PARTICLES = word_set("van von de der den di da du del della la le bin ibn al el dos")
