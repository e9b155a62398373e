"""How somebody lives, as words; see `lexicon` for the form of a line. A status such as `none` is the value.

What is said not to be ("denies tobacco use") turns `current` into `none` and `regular` into `little`.
"""

HABITS = {
    "smoking": """
current: smoker; smokes; smoking; current smoker; active smoker; tobacco; tobacco use; uses tobacco; vapes; vaping; \
cigarettes a day; cigarettes per day; cigarettes daily; packs per day; pack per day; pack a day; packs a day; \
stop smoking; smoking cessation; to quit smoking; still smokes; smokes cigarettes
former: former smoker; ex smoker; past smoker; previous smoker; quit smoking; stopped smoking; gave up smoking; \
smoked; used to smoke; previously smoked; smoking in the past; former tobacco use; past tobacco use; quit tobacco; \
history of smoking; smoking history; history of tobacco use; remote smoking history
none: non smoker; nonsmoker; never smoker; never smoked; does not smoke; doesn't smoke; do not smoke; don't smoke; \
never smokes; smoke free; tobacco free; has not smoked; never used tobacco
""",
    "alcohol": """
current: alcohol; etoh; alcohol use; alcohol consumption; drinks alcohol; drinks wine; drinks beer; glass of wine; \
glasses of wine; wine with dinner; consumes alcohol; uses alcohol
occasional: social drinker; drinks socially; drinks occasionally; occasionally drinks; occasional alcohol; \
occasional drink; occasional wine; occasional beer; rarely drinks; rare alcohol; alcohol occasionally; \
alcohol socially; social alcohol; occasional alcohol use; social alcohol use; occasional drinker; \
occasional glass of wine; drinks alcohol socially; drinks alcohol occasionally; drinks wine socially; \
drinks beer socially; drinks wine occasionally; drinks beer occasionally; occasional etoh
heavy: alcoholism; alcohol abuse; alcohol dependence; alcohol dependent; alcohol use disorder; heavy drinker; \
drinks heavily; heavy alcohol use; heavy drinking; binge drinking; drinks to excess; excessive alcohol
former: recovering alcoholic; former drinker; quit drinking; stopped drinking; sober; alcohol use in the past; \
former alcohol use; past alcohol use; quit alcohol; history of alcohol abuse; history of alcohol use; \
former alcoholic; gave up alcohol; stopped alcohol
none: teetotal; teetotaler; teetotaller; non drinker; nondrinker; abstains from alcohol; does not drink; \
doesn't drink; do not drink; don't drink; never drinks; does not drink alcohol; doesn't drink alcohol
""",
    "drugs": """
current: marijuana; cannabis; cocaine; heroin; methamphetamine; recreational drugs; recreational drug; \
illicit drug; illicit drug use; drug use; iv drug use; recreational drug use; substance use; drug abuse; \
substance abuse; street drug; illegal drug; illicit substance; intravenous drug use
former: former drug use; past drug use; history of drug use; former cocaine use; history of drug abuse; \
history of substance abuse; quit marijuana; history of iv drug use
none: never used drugs; does not use drugs; drug free
""",
    "exercise": """
regular: exercises; exercises regularly; exercising; exercise regularly; regular exercise; walks daily; jogs; \
jogging; runs daily; runs in the morning; goes to the gym; goes for walks; physically active; works out; swims; \
cycles; plays tennis; plays golf; plays football; plays basketball; yoga; pilates; hikes; stays active; very active; \
exercises daily; weight training
little: sedentary; sedentary lifestyle; inactive; no exercise; lack of exercise; does not exercise; \
doesn't exercise; rarely exercises; little exercise; physically inactive; no regular exercise; \
does not exercise regularly
""",
    "living": """
alone: lives alone; living alone; lives by himself; lives by herself; lives on his own; lives on her own
with others: lives with; live with
in care: nursing home; assisted living; care home; residential care; skilled nursing facility
homeless: homeless shelter; no fixed abode; unhoused
""",
}
