"""Common first and last names, which are combined at random into names of invented people."""


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FEMALE = _names(
    "Abigail Adele Agnes Aisha Alice Amelia Anita Anna Audrey Barbara Beatrice Bella Brenda Camila Carol Catherine"
    " Celia Chloe Clara Deborah Diana Doris Edith Eileen Elena Eleanor Emily Erin Esther Fatima Fiona Freya Georgia"
    " Gina Hannah Helen Imogen Ingrid Irene Isabel Jane Janet Jasmine Joan Judith Julia Karen Kate Laura Leila Lena"
    " Linda Louise Lucy Lydia Mabel Maria Martha Maya Megan Miriam Monica Nadia Naomi Nina Nora Olga Olivia Pamela"
    " Paula Petra Priya Rachel Rita Rosa Ruth Sabrina Sandra Sara Sheila Sofia Stella Susan Tamara Tessa Ursula Vera"
    " Wendy Yasmin Yvonne Zoe"
)
MALE = _names(
    "Aaron Adam Adrian Ahmed Alan Albert Alex Andrew Anthony Arthur Ben Bernard Boris Brian Bruce Carl Carlos Cedric"
    " Colin Craig Damian Daniel David Dennis Diego Dominic Donald Duncan Edgar Edward Elias Eric Ethan Felix Finn"
    " Francis Gareth Gary Geoffrey George Gerald Graham Hans Harold Hassan Henry Hugo Ian Ibrahim Isaac Ivan Jacob"
    " James Jonas Joseph Julian Karl Keith Kevin Kwame Lars Leo Leon Louis Lucas Malcolm Marco Martin Max Miguel"
    " Mohamed Nathan Neil Nigel Noel Oliver Omar Oscar Owen Patrick Paul Peter Philip Rafael Ralph Raymond Roger"
    " Roland Ryan Samir Samuel Sean Simon Stefan Stuart Thomas Tobias Trevor Victor Vincent Walter Yusuf"
)
LAST = _names(
    "Abbott Acosta Adeyemi Ahmed Andersson Appleby Arkwright Bailey Banerjee Barlow Beckett Bennett Bianchi Blackwell"
    " Bradshaw Brennan Brooks Bryant Burgess Cabrera Callahan Chapman Chen Chowdhury Clarke Coleman Connolly Cooper"
    " Cortez Crawford Dalton Davies Delgado Diaz Donnelly Doyle Duffy Ellis Farooq Fernandez Fischer Fletcher Fraser"
    " Fuentes Gill Goldstein Gonzales Grady Gupta Hansen Harding Hargreaves Haynes Hoffman Holmes Howell Hughes"
    " Hussain Ingram Jacobs Jensen Joshi Kaur Keller Kelly Kendrick Khan Kim Kumar Lambert Larkin Lindgren Lopez"
    " Lowry Lucas Maguire Malik Marsh McBride McKenna Mehta Mendez Meyer Molina Morgan Muller Murphy Nash Newman"
    " Nielsen Novak Nowak Okoye Olson Ortega Osborne Owens Palmer Park Pearce Perez Petersen Quinn Rahman Ramirez"
    " Reynolds Rhodes Riley Rossi Rowe Russo Sanders Santos Schneider Sharma Shaw Silva Singh Soto Spencer Sullivan"
    " Sutton Tran Tucker Vargas Vaughan Wallace Walsh Warner Weaver Weber Whitaker Wong Woods Yamamoto Zhang"
)
