"""Recognize the language of a text by its function words.

The texts are sentences, so a dozen words have to do. Function words are what short sentences of a
language share, and they are the stop words of its index as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

__all__ = ["ENGLISH", "STOP_WORDS", "language_of"]

ENGLISH = "english"

# By Snowball's name of the language: its articles, pronouns, prepositions, auxiliaries and
# question words.
STOP_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        ENGLISH: (
            "a an the and or but if of to in on at by for with from as is are was were be been "
            "being am do does did done doing have has had having it its this that these those "
            "there here i me my mine you your yours he him his he she her hers they them their "
            "theirs we us our ours what which who whom whose when where why how will would can "
            "could shall should may might must not no so than then too very just about into over "
            "up down out off s t re ve ll d m don"
        ),
        "german": (
            "der die das den dem des ein eine einen einem einer eines und oder aber ich du er sie "
            "es wir ihr mich mir dich dir ihn ihm uns euch mein meine meinen meinem meiner meines "
            "dein deine deinen deinem deiner sein seine seinen seinem seiner ihre ihren ihrem "
            "ihrer unser unsere unseren unserem unserer ist sind bin bist war waren wurde wird "
            "werden habe hat haben hatte hatten kann kannst können soll muss nicht kein keine "
            "keinen in im an am auf aus bei beim mit nach von vom vor zu zum zur für über unter um "
            "durch gegen was wer wen wem wo wohin woher wann warum wie welche welcher welches "
            "welchen dass wenn weil als auch noch schon nur sehr so da dann"
        ),
        "french": (
            "le la les l un une des du de d et ou mais je j tu il elle on nous vous ils elles me m "
            "te t se s moi toi lui leur leurs mon ma mes ton ta tes son sa ses notre nos votre vos "
            "ce cet cette ces c est suis es sommes êtes sont était étais étaient été être ai as a "
            "avons avez ont avait avais avoir ne n pas plus en dans sur sous avec sans pour par au "
            "aux chez y que qu qui quoi quel quelle quels quelles où quand comment pourquoi combien"
        ),
        "spanish": (
            "el la los las lo un una unos unas del al de y o pero yo tú él ella nosotros ustedes "
            "ellos ellas me te se nos le les mí mi mis tu tus su sus nuestro nuestra nuestros "
            "nuestras este esta esto estos estas es soy eres somos son era eran fue fui está estoy "
            "están estaba ser estar he ha has hemos han había tengo tiene no en con sin por para "
            "sobre a que qué quién quiénes cuál cuáles dónde cuándo cómo cuánto cuánta cuántos "
            "cuántas donde cuando como porque muy también ya"
        ),
        "italian": (
            "il lo la i gli le un uno una del della dello dei degli delle al alla allo ai agli "
            "alle dal dalla nel nella nei nelle sul sulla di e o ma io tu lui lei noi voi loro mi "
            "ti si ci vi mio mia miei mie tuo tua tuoi tue suo sua suoi sue nostro nostra questo "
            "questa è sono sei siamo siete era erano essere ho hai ha abbiamo hanno aveva avere "
            "non in con per su da tra fra a che chi quale quali dove quando come perché quanto "
            "quanta quanti quante anche molto"
        ),
        "portuguese": (
            "o a os as um uma uns umas do da dos das no na nos nas ao à aos de e ou mas eu tu você "
            "ele ela nós vocês eles elas me te se lhe meu minha meus minhas teu tua seu sua seus "
            "suas nosso nossa este esta isto é sou és somos são era eram foi fui está estou estão "
            "estava ser estar tenho tem tinha não em com sem por para pelo pela sobre que quem "
            "qual quais onde quando como quanto quanta quantos quantas porque muito também já"
        ),
        "dutch": (
            "de het een en of maar ik jij je u hij zij ze wij we jullie mij me jou hem haar ons "
            "hen hun mijn jouw zijn onze is ben bent was waren wordt worden heb hebt heeft hebben "
            "had hadden kan moet niet geen in op aan met van voor naar uit bij door over onder om "
            "te tot wat wie waar wanneer waarom hoe welke welk dat die dit deze als ook nog al er"
        ),
    }.items()
}

# English words and parts of names among them: alone they say nothing about the language.
_HOMOGRAPHS = frozenset(
    "die das war hat am so da des den der man also an in im on me no he as es is la el le les lo "  # noqa: SIM905
    "los las de del di al un una come per do plus comment son ton tu sin pour par or sale dove con "
    "over door had van was been bent under dies sur ai noi mi mia tra fra os em e a o y u on sobre "
    "here once mine sera sole pas mes ma mon ti si ci".split()
)

# What only English sentences have, and what none has: most texts are told apart by these alone.
_OTHERS = frozenset[str]().union(*(w for name, w in STOP_WORDS.items() if name != ENGLISH))
_ONLY_ENGLISH = STOP_WORDS[ENGLISH] - _OTHERS
_FOREIGN = _OTHERS - STOP_WORDS[ENGLISH] - _HOMOGRAPHS


def language_of(words: Collection[str]) -> str:
    """Return the language whose function words a text has most of; English in doubt.

    Args:
        words: of the text, in lower case, apostrophes taken as spaces.

    Example:
        >>> language_of("wo wohnt meine tante".split()), language_of("beagle biscuit".split())
        ('german', 'english')
    """
    if len(words) <= 1:
        return ENGLISH
    distinct = frozenset(words)
    if distinct.isdisjoint(_FOREIGN) and not distinct.isdisjoint(_ONLY_ENGLISH):
        return ENGLISH
    best, most = ENGLISH, len(distinct & STOP_WORDS[ENGLISH])
    for language, function_words in STOP_WORDS.items():
        evidence = distinct & function_words
        if len(evidence) > most and (len(evidence) > 1 or not evidence <= _HOMOGRAPHS):
            best, most = language, len(evidence)
    return best
