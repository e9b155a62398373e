"""Sentence templates for the notes (see `grammar.py`), by style of writing and part of the note."""

VOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "prose": {
        "opening": (
            (
                "{name}, a {age}-year-old {occupation}, [was seen|came|returned] on {date} [for|because of|with] "
                "{condition}."
            ),
            (
                "On {date} I [saw|reviewed|examined] {title} {last} (MRN {mrn}), {age} years old, [for|regarding] "
                "{condition}."
            ),
            "{title} {last} is {age} and [attends|visits] our clinic for {condition}; [seen|reviewed] {date}.",
            (
                "{first} {last} [arrived|presented] on {date}, referred by Dr. {referrer} [about|with] {condition}. "
                "Age {age}."
            ),
            "Visit of {date}. Patient: {name}, {age} years. [Main problem|Reason for visit]: {condition}.",
        ),
        "symptoms": (
            (
                "{He} [reports|describes|mentions|complains of] {symptom1}, [and also|as well as|together with] "
                "{symptom2}."
            ),
            "The [main complaint|trouble] is {symptom1}. {He} [also notes|adds|has noticed too]: {symptom2}.",
            (
                "[For|Over] the last <2-11> [weeks|months] there has been {symptom1}; "
                "[less often|at times|recently] {symptom2}."
            ),
            "[Since the last visit|Compared with before], {symptom1}. [Meanwhile|Besides that], {symptom2}.",
        ),
        "signs": (
            "[On examination|Examination today]: {sign1}; {sign2}. {vitals}.",
            "{vitals}. I [found|noted] {sign1}[, and|; also] {sign2}.",
            "{He} [looked|appeared] [well|tired|comfortable|a little pale]. {vitals}; {sign1}.",
        ),
        "tests": (
            "[Results|Latest results|Investigations]: {test1}; {test2}.",
            "[Work-up so far|From the file]: {test1}, and {test2}.",
            "{test1}, [obtained|dated] {past}. [In addition|Also], {test2}.",
        ),
        "drugs": (
            "{He} [takes|is on|uses] {drug1}, and {drug2}.",
            "We [started|added|increased] {drug1}; {drug2} [stays|continues|was stopped because of nausea].",
            "[Current medicines|Tablets] are {drug1}, {drug2} [and|plus] {drug3}.",
        ),
        "plan": (
            "[Plan|We agreed]: {plan1}; {plan2}.",
            "[I suggest|I have arranged] the following: {plan1}, then {plan2}.",
            "[Next|From here]: {plan1}. [Further|Then] {plan2}.",
        ),
        "history": (
            "[Background|Past history] [includes|of] {comorbidity1} and {comorbidity2}.",
            "{He} also [has|lives with] {comorbidity1}; {other_drug} for that.",
        ),
        "social": (
            "{He} [works as a|is a|has been a] {occupation} and {pastime}.",
            (
                "[At home|In private life|Outside work] {he} {pastime}. [Of note|It is remembered that|By the way], "
                "{he} {event}."
            ),
            "{He} {event}. [Smoked|Smokes] <3-40> pack-years, [drinks|enjoys] <1-9> [beers|glasses] a week.",
            "[A|This] {occupation} who {event} and {pastime}.",
        ),
        "family": (
            "{His} {relative1} had {illness1}.",
            "[Family history|In the family]: {relative1} with {illness1}; {relative2} with {illness2}.",
        ),
        "contact": (
            "[Reach|Call] {him} at {phone} or {email}.",
            "{He} lives at {street}, {town}. Phone {phone}.",
            "Results go to {email}; {his} {relative1} {kin} may be told ({phone}).",
        ),
        "closing": (
            "[Return|Review] on {next}. [Signed, |]Dr. {clinician}.",
            "[We meet again|Next appointment] {next}. {clinician}, MD",
        ),
    },
    "terse": {
        "opening": (
            "{date} | {name} | MRN: {mrn} | {age} {sex} | {condition}.",
            "Pt {name} ({age} y/o {sex}), f/u {condition}, {date}.",
            "{last}, {first}. DOB {born}. Seen {date}. Dx: {condition}.",
            "{age}{sex} w/ {condition}. Record no. {mrn}. {date}.",
        ),
        "symptoms": (
            "[HPI|S]: {symptom1}. {symptom2}.",
            "c/o {symptom1} [x|for] <2-11> [wks|mos]; {symptom2}.",
            "[Sx|Complaints]: {symptom1}; {symptom2}; {symptom3}.",
        ),
        "signs": ("[O|Exam]: {vitals}. {sign1}; {sign2}.", "PE {sign1}. {sign2}. {vitals}."),
        "tests": ("[Labs/imaging|Data]: {test1}; {test2}.", "{test1} ({past}). {test2}.", "Tests: {test1}."),
        "drugs": (
            "[Meds|Rx]: {drug1}; {drug2}.",
            "On {drug1}. Add {drug2}.",
            "[Meds|Current]: {drug1}, {drug2}, {drug3}.",
        ),
        "plan": ("[P|Plan]: {plan1}; {plan2}.", "A/P: {condition}. {plan1}. {plan2}.", "Next: {plan1}; {plan2}."),
        "history": ("PMH: {comorbidity1}, {comorbidity2}.", "Hx {comorbidity1} ({other_drug}). All: {allergy}."),
        "social": (
            "SH: {occupation}, {pastime}. {event}.",
            "Soc: {occupation}; {event}. Tob <0-40> py.",
            "{occupation}; {pastime}. EtOH <0-12>/wk.",
        ),
        "family": ("FH: {relative1} {illness1}.", "FHx: {relative1} - {illness1}; {relative2} - {illness2}."),
        "contact": ("Tel {phone}.", "Addr: {street}, {town}. Ph {phone}.", "{email} / {phone}."),
        "closing": ("RTC {next}. {clinician} MD.", "F/u {next}. -{clinician}", "Dr. {clinician}"),
    },
    "letter": {
        "opening": (
            (
                "Dear Dr. {referrer}, [thank you for sending|many thanks for referring] {name} (born {born}), whom I "
                "saw on {date}. [The question was|You asked about] {condition}."
            ),
            (
                "Dear Dr. {referrer}, I [had the pleasure of meeting|met] your patient {title} {last}, {age} years "
                "old, on {date}. [I agree with|The diagnosis is] {condition}."
            ),
            (
                "Dear colleague, re: {name}, MRN {mrn}. [This|Our] {age}-year-old [lady|patient|person] has "
                "{condition} (visit {date})."
            ),
        ),
        "symptoms": (
            "[As you know|As you wrote], {he} [suffers from|has] {symptom1}. [More recently|Now] {symptom2}.",
            "What [troubles|bothers] {him} most: {symptom1}; [secondly|to a lesser degree] {symptom2}.",
            (
                "{He} told me of {symptom1} [going back|dating back] <2-11> [weeks|months], [besides|next to] "
                "{symptom2}."
            ),
        ),
        "signs": (
            "My examination [showed|brought] {sign1}, {sign2}; {vitals}.",
            "[Clinically|At the bedside] {sign1}. {vitals}.",
        ),
        "tests": (
            "[The tests you enclosed|Our tests] show: {test1}; [furthermore|and] {test2}.",
            "[For your records|To summarise the tests]: {test1} ({past}), {test2}.",
        ),
        "drugs": (
            "{His} [medicines|treatment] now: {drug1}, {drug2}.",
            "[May I ask you to|Please kindly] prescribe {drug1}; {drug2} [can go on|may be stopped].",
        ),
        "plan": (
            "[I would recommend|My advice]: {plan1}; [in due course|later on] {plan2}.",
            (
                "[We decided together on|The plan from our side]: {plan1}. [Kindly arrange|From you I would ask]: "
                "{plan2}."
            ),
        ),
        "history": (
            (
                "[You know of|There is also] {comorbidity1}, [treated with|on] {other_drug}, [and|with] "
                "{comorbidity2} [besides|on file]."
            ),
            "[Allergies|Known allergies]: {allergy}; [other illnesses|further history]: {comorbidity1}.",
        ),
        "social": (
            "{He} is a {occupation} who {pastime}[;| and] [remarkably|as you may know], {he} {event}.",
            "[I learned that|Interestingly] {he} {event}, and {he} {pastime}.",
            (
                "As a {occupation}, {he} [cannot take long leave|works irregular hours|is on the feet all day]; "
                "{he} {event}."
            ),
        ),
        "family": ("{His} {relative1} suffered from {illness1}, {his} {relative2} from {illness2}.",),
        "contact": (
            "{He} [can be reached|is best reached] on {phone}.",
            "{His} address is unchanged: {street}, {town}.",
            "Copies to {email} at {his} wish.",
        ),
        "closing": (
            (
                "[With kind regards|Yours sincerely|With best wishes], Dr. {clinician}. [Next visit|We will see "
                "{him} on] {next}."
            ),
            "I shall see {him} [again|next] on {next}. {clinician}, MD",
        ),
    },
}
VITALS = (
    "BP <102-168>/<58-98>, pulse <54-104>",
    "weight <49-118> kg, BP <102-168>/<58-98>",
    "temperature <36.1-37.4>, pulse <54-104>, saturations <92-99>%",
    "BP <102-168>/<58-98>, BMI <19.1-38.8>",
    "pulse <54-104>, respiratory rate <12-22>",
)
