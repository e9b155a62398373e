"""Find person names: declared names, names of built-in lists, and capitalised words after titles and cues."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from synthgen.deidentify.patterns import MONTHS
from synthgen.deidentify.spans import Span, words

FEMALE_FIRST = words("""
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
MALE_FIRST = words("""
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
# also ordinary words, months, places or eponyms: counted as names only next to another name
WORD_FIRST = frozenset(
    words("""
Amber April Art Autumn Basil Bill Bob Chase Chip Christ Clay Colt Crystal Dale Dawn Daisy Dick Drew Earl Eve Faith
Frank Gene Ginger Grace Grant Guy Harmony Hazel Heath Holly Hope Iris Ivy Jack Jade Jasper Jay Jim Jo Joe Joy June
Lance Lane Lily Mark Mason May Melody Mercy Miles Misty Olive Page Patience Pearl Penny Pierce Rich Rob Robin Rod Rose
Ruby Rusty Sam Sandy Sky Summer Sunny Ted Tim Tom Trinity Violet Will Willow Chelsea Austin Dallas Florence Jordan
Kent Paris Sydney Brooke Cliff Forest Hunter Ray Ken Ben Dan Ed Jerry Stan Van Gail
""")
)
PLAIN_LAST = words("""
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
WORD_LAST = frozenset(
    words("""
Baker Ball Banks Barber Bell Berry Best Bird Bishop Black Blair Bond Booth Bowman Brown Buck Bush Butler Cannon Carr
Carter Case Chase Church Clark Cole Cook Cox Cross Crown Curry Dale Day Dean Drake Duke English Field Fisher Flynn
Ford Fox French Frost Glass Graves Gray Green Hall Hardy Harper Harris Hart Hill Holland House Hunt Hunter James
Jordan Judge King Knight Lamb Lane Law Lee Little Long Love Lowe Mann Marsh Martin Mason May Mills Moody Moon Moore
Murphy Nash Noble North Page Palmer Parker Parks Parkinson Peck Pierce Poole Pope Porter Potter Powell Power Price
Prince Rice Rich Rivers Rose Rush Shaw Sharp Shepherd Short Singer Snow Stone Strong Summers Swan Temple Turner
Vaughan Wade Walker Wall Ward Waters Weaver Webb Wells West White Wolf Wood Woods Young Addison Barrett Crohn
""")
)
FIRST_NAMES = frozenset(FEMALE_FIRST) | frozenset(MALE_FIRST)
LAST_NAMES = frozenset(PLAIN_LAST)
TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
MAX_NAME_TOKENS = 4
_TITLES = frozenset(words("dr mr mrs ms miss mx prof professor sir madam rev sister nurse doctor"))
_CUES = frozenset(words("patient name pt re dear signed signature attending physician provider clinician by surgeon"))
# phrases before a name, with the number of capitalised words that must follow
_PHRASES = ((re.compile(r"\bname(?:'s| is| was) ", re.IGNORECASE), 1), (re.compile(r"\b(?:this is|I'm|I am|by) "), 2))
_DEGREES = words("MD DO RN NP PA PhD MBBS FRCP DDS LPN")
_PARTICLES = frozenset(words("van von de der den di da du del della la le bin ibn al el dos"))
_ORDINARY_WORDS = WORD_FIRST | WORD_LAST
# capitalised words that end a name and do not belong to it
_STOP = {*map(str.capitalize, MONTHS), *_DEGREES} | frozenset(
    words("""
I The A An He She It They We You His Her On In At Of And Or For With From To Visit Date Age Dob MRN DOB Phone Tel Ph
Exam Plan Clinic Hospital Department Center Centre Street Road Avenue Lane Drive Signed Next Return Review Seen Today
Patient Record Monday Tuesday Wednesday Thursday Friday Saturday Sunday Inc Ltd LLC Corp Company University Institute
Colleague Doctor Sir Madam Disease Syndrome
""")
)


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    word: str

    @property
    def is_capital(self) -> bool:
        return self.word[0].isupper()

    @property
    def is_initial(self) -> bool:
        return len(self.word) == 1 and self.word.isupper()

    @property
    def spelling(self) -> str:
        """The word as the name lists spell it; capitals of up to three letters may be an abbreviation and stay."""
        return self.word.title() if self.word.isupper() and len(self.word) > 3 else self.word


def find_names(text: str, declared_names: Sequence[str]) -> list[Span]:
    """Return the names of persons in a text; spans may overlap.

    Each part of a declared name is found if it is capitalised. In lower case it is found only if it has more than
    four letters and is not an ordinary word. Names that are ordinary words ("Rose", "Young") count only next to
    another name.
    """
    tokens = [_Token(*m.span(), m[0]) for m in TOKEN.finditer(text)]
    declared = name_parts(declared_names)
    found: list[Span] = []
    for i, token in enumerate(tokens):
        if _is_declared(token, declared):
            found.append(Span(token.start, token.end, "name"))
        first, last = _name_at(tokens, i, text)
        if first is not None:
            found.append(Span(tokens[first].start, tokens[last].end, "name"))
    return [*found, *_after_phrases(tokens, text)]


def _after_phrases(tokens: list[_Token], text: str) -> list[Span]:
    """Return the names after phrases such as "my name is"."""
    index = {token.start: i for i, token in enumerate(tokens)}
    found: list[Span] = []
    for phrase, n_words in _PHRASES:
        for match in phrase.finditer(text):
            first, last = _run(tokens, index.get(match.end(), len(tokens)), text)
            if first is not None and last - first + 1 >= n_words:
                found.append(Span(tokens[first].start, tokens[last].end, "name"))
    return found


def name_parts(names: Iterable[str]) -> frozenset[str]:
    """Return case-folded name parts of at least two letters; a hyphenated name gives itself and each of its parts."""
    tokens = [m[0].casefold() for name in names for m in TOKEN.finditer(name)]
    parts = frozenset(part for token in tokens for part in (token, *token.split("-")) if len(part) > 1)
    return parts - _PARTICLES - _TITLES


def _is_declared(token: _Token, declared: frozenset[str]) -> bool:
    word = token.word.casefold().removesuffix("'s").removesuffix("’s")
    if word not in declared and not declared.intersection(word.split("-")):
        return False
    return token.is_capital or (len(word) > 4 and word.title() not in _ORDINARY_WORDS)


def _name_at(tokens: list[_Token], i: int, text: str) -> tuple[int | None, int]:
    """Return the first and last token of the name that token i indicates, or None."""
    token, word = tokens[i], tokens[i].word.casefold()
    after = text[token.end : tokens[i + 1].start] if i + 1 < len(tokens) else ""
    is_title = word in _TITLES and after in {" ", ". ", "."}
    is_cue = (word in _CUES and after in {": ", ":"}) or (word == "dear" and after == " ")
    if is_title or is_cue:
        return _run(tokens, i + 1, text)
    if token.word in _DEGREES and i > 0 and text[tokens[i - 1].end : token.start] in {", ", " "}:
        return _run_back(tokens, i - 1, text, may_start_sentence=True), i - 1
    return _listed_name_at(tokens, i, text) if token.is_capital else (None, i)


def _listed_name_at(tokens: list[_Token], i: int, text: str) -> tuple[int | None, int]:
    """Return the first and last token of the name around token i if the name lists contain it, or None."""
    spelling = tokens[i].spelling
    is_first = spelling in FIRST_NAMES or (spelling in WORD_FIRST and _has_surname_after(tokens, i, text))
    if is_first or _has_middle_initial(tokens, i, text):
        return i, _run(tokens, i, text)[1]
    is_after_initial = i > 0 and tokens[i - 1].is_initial and _follows(tokens, i - 1, text)
    if spelling in LAST_NAMES or (spelling in WORD_LAST and is_after_initial):
        return _run_back(tokens, i, text, may_start_sentence=False), i
    is_before_first_name = (
        i + 1 < len(tokens)
        and text[tokens[i].end : tokens[i + 1].start] == ", "
        and tokens[i + 1].spelling in FIRST_NAMES
        and text[tokens[i + 1].end : tokens[i + 1].end + 1] in {".", ";", "(", "|", "\n"}
    )
    return (i, i) if is_before_first_name and tokens[i].word not in _STOP else (None, i)


def _has_middle_initial(tokens: list[_Token], i: int, text: str) -> bool:
    """Return whether "Xxx Y. Zzz" starts at token i."""
    if i + 2 >= len(tokens) or tokens[i].is_initial or tokens[i].word in _STOP or not tokens[i + 1].is_initial:
        return False
    surname = tokens[i + 2]
    is_one_name = _follows(tokens, i, text) and _follows(tokens, i + 1, text)
    return is_one_name and tokens[i + 1].word not in _STOP and surname.is_capital and not surname.word.isupper()


def _follows(tokens: list[_Token], i: int, text: str) -> bool:
    """Return whether the next token directly follows token i, as parts of one name do."""
    if i + 1 >= len(tokens):
        return False
    gap = text[tokens[i].end : tokens[i + 1].start]
    return gap in {" ", "\u00a0"} or (tokens[i].is_initial and gap in {". ", "."})


def _can_be_name(token: _Token, excluded: frozenset[str]) -> bool:
    return token.is_capital and token.word not in _STOP and token.word.casefold() not in excluded


def _run(tokens: list[_Token], i: int, text: str) -> tuple[int | None, int]:
    """Return the first and last token of the capitalised words that start at token i."""
    if i >= len(tokens) or not _can_be_name(tokens[i], _TITLES):
        return None, i
    last = i
    for at in range(i, min(i + MAX_NAME_TOKENS - 1, len(tokens) - 1)):
        if not _follows(tokens, at, text):
            break
        following = tokens[at + 1]
        if following.is_capital and following.word not in _STOP:
            last = at + 1
        elif following.word not in _PARTICLES:
            break
    return i, last


def _run_back(tokens: list[_Token], i: int, text: str, *, may_start_sentence: bool) -> int:
    """Return the first token of the name that ends at token i: given names and initials before a last name."""
    first = i
    while first > 0 and i - first < MAX_NAME_TOKENS - 1 and _follows(tokens, first - 1, text):
        before = tokens[first - 1]
        if not _can_be_name(before, _TITLES | _CUES):
            break
        is_certain = may_start_sentence or before.is_initial or before.spelling in FIRST_NAMES
        if not is_certain and _starts_sentence(before, text):
            break
        first -= 1
    return first


def _starts_sentence(token: _Token, text: str) -> bool:
    before = text[max(0, token.start - 3) : token.start].rstrip(" ")
    return not before or before[-1] in ".!?:;\n-"


def _has_surname_after(tokens: list[_Token], i: int, text: str) -> bool:
    if not _follows(tokens, i, text):
        return False
    following = tokens[i + 1]
    if following.is_initial:
        return _follows(tokens, i + 1, text) and tokens[i + 2].is_capital
    return following.spelling in LAST_NAMES or following.spelling in WORD_LAST
