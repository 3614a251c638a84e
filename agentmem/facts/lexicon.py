"""Closed word lists by which the grammar tells a job from a mood and a pet from a toy.

A value is only believed where its kind is known: "I'm a nurse" is a job, "I'm a mess" is none. What
is missing here is not found, which is the cheaper mistake.
"""

from __future__ import annotations

from agentmem.digest.sentences import TITLES
from agentmem.facts.patterns import any_of, words

__all__ = [
    "ACTIVITIES", "AMBIGUOUS_PETS", "CAR", "DEVICE", "DIETS", "ILLNESSES", "INSTRUMENTS", "JOBS", "JOB_ENDINGS",
    "LANGUAGES", "MONTH", "NATIONALITIES", "NOT_NAMES", "NO_PET_BUT", "NUMBER", "ONE_OF_THEM", "ORGANIZATIONS",
    "PARTNERS", "PET", "PETS", "RELATION", "RELATIONS", "RELIGIONS", "SOFTWARE", "SPORTS", "TITLE",
    "TOLD_APART", "UNNAMED_MANY", "WEEKDAYS",
]  # fmt: skip

# The last word of a job title, in the singular.
JOBS = words("""
    accountant actor actress actuary administrator advisor adviser analyst animator apprentice
    architect archivist artist assistant astronaut astronomer astrophysicist athlete attorney
    auditor author baker banker barber barista bartender beekeeper blacksmith blogger bookkeeper
    bookseller botanist bricklayer broker builder butcher buyer captain caregiver carer caretaker
    carpenter cashier caterer chef chemist childminder chiropractor cleaner clerk coach coder
    comedian composer conductor consultant contractor cook coordinator copywriter counselor
    counsellor courier curator dancer decorator dentist designer detective developer dietitian
    diplomat director dispatcher diver doctor dj drummer driver economist editor educator
    electrician engineer entertainer entrepreneur estate_agent executive farmer fashion_designer
    filmmaker firefighter fisherman florist foreman forester freelancer gardener glazier goldsmith
    grocer guard guide guitarist hairdresser hairstylist handyman historian housekeeper housewife
    homemaker illustrator inspector instructor interpreter intern inventor investigator janitor
    jeweler jeweller joiner journalist judge laborer labourer landscaper lawyer lecturer librarian
    lifeguard linguist locksmith lumberjack machinist magician mailman maid manager marketer marine
    mason masseur masseuse mathematician mechanic medic midwife milliner miner minister model
    musician nanny navigator neuroscientist novelist nurse nutritionist officer operator optician
    optometrist organizer orthodontist painter paralegal paramedic pastor pediatrician pharmacist
    philosopher physician physicist physiotherapist pianist pilot planner plasterer plumber poet
    policeman policewoman politician porter postman potter pr_manager preacher presenter priest
    principal producer professor programmer proofreader psychiatrist psychotherapist publicist
    publisher ranger realtor receptionist recruiter repairman reporter researcher representative
    retiree roofer sailor salesman salesperson saleswoman scientist sculptor seamstress secretary
    seller senator server sergeant shopkeeper singer social_worker soldier solicitor specialist
    statistician stewardess steward stockbroker strategist streamer student stylist superintendent
    supervisor surgeon surveyor tailor tattooist teacher technician teller therapist tiler trader
    trainee trainer translator trucker tutor undertaker underwriter upholsterer usher valet vendor
    vet veterinarian violinist waiter waitress warden weaver welder winemaker woodworker worker
    writer youtuber zookeeper ceo cto cfo coo founder cofounder co-founder owner partner president
""")
# "an archaeologist", "a choreographer"
JOB_ENDINGS = ("ologist", "ographer")
PETS = words("""
    dog dogs puppy puppies pup pups cat cats kitten kittens kitty hamster hamsters rabbit rabbits
    bunny bunnies parrot parrots budgie budgies goldfish fish turtle turtles tortoise tortoises
    snake snakes lizard lizards gecko geckos iguana horse horses pony ponies guinea_pig guinea_pigs
    ferret ferrets canary canaries bird birds chinchilla gerbil gerbils rat rats mouse mice hedgehog
    axolotl cockatiel cockatoo beagle beagles poodle labrador labradors lab retriever dachshund
    greyhound greyhounds terrier spaniel collie corgi husky pug bulldog boxer chihuahua shepherd
    dalmatian rottweiler doberman pitbull mutt whippet setter pointer schnauzer shiba_inu tabby
    siamese persian ragdoll maine_coon tomcat calico chicken chickens hen hens donkey goat goats
    alpaca alpacas tarantula
""")
# What follows the kind of a pet and makes it something else.
NO_PET_BUT = any_of("""
    plant plants food bed toy toys walker park shelter person lover owner sitter show race house
    allergy hair phobia video costume stuff clip problem carrier tower litter leash collar treat
    treats training rescue sculpture statue painting breed breeds meme memes cafe in_me day days
    tree shed hat play feeder bath figure
""")
# Eaten, bred or talked about as often as kept.
AMBIGUOUS_PETS = words("""
    fish goat chicken chickens boxer pointer setter mouse mice bird birds rat rats shepherd lab
    persian snake
""")
PARTNERS = words(
    "husband wife spouse partner girlfriend boyfriend fiance fianc\u00e9 fiancee fianc\u00e9e"
)
# Of these people have one at a time.
ONE_OF_THEM = PARTNERS | words("""
    mother mom mum mama father dad papa mother-in-law father-in-law boss manager supervisor landlord
    landlady dentist doctor therapist
""")
# Whoever has one may well have several, so without a name it is not known which is meant.
UNNAMED_MANY = words("""
    friend bestie buddy colleague coworker co-worker teammate neighbor neighbour cousin classmate
    uncle aunt auntie nephew niece teacher tutor coach mentor kid child grandson granddaughter
    godson goddaughter ex baby toddler twin
""")
RELATIONS = (
    ONE_OF_THEM
    | UNNAMED_MANY
    | words("""
    brother sister son daughter grandmother grandma granny nana grandfather grandpa grandad granddad
    stepmother stepfather stepmom stepdad stepbrother stepsister stepson stepdaughter brother-in-law
    sister-in-law son-in-law daughter-in-law roommate flatmate housemate trainer physician lawyer
    accountant hairdresser barber gardener cleaner nanny babysitter assistant godfather godmother
    ex-husband ex-wife ex-boyfriend ex-girlfriend
""")
)
_LANGUAGES_OF_NATIONS = words("""
    albanian armenian bosnian bulgarian catalan chinese croatian czech danish dutch english estonian
    filipino finnish french georgian german greek hungarian icelandic indonesian irish italian
    japanese korean latvian lithuanian norwegian polish portuguese romanian russian serbian slovak
    slovenian spanish swedish thai turkish ukrainian vietnamese welsh
""")
LANGUAGES = _LANGUAGES_OF_NATIONS | words("""
    afrikaans amharic arabic asl azerbaijani basque bengali cantonese esperanto farsi gaelic
    galician gujarati hebrew hindi igbo kazakh latin luxembourgish macedonian malay maltese mandarin
    marathi mongolian nepali persian punjabi sign_language slovene swahili tagalog tamil telugu urdu
    yoruba zulu
""")
NATIONALITIES = _LANGUAGES_OF_NATIONS | words("""
    algerian american argentine argentinian aussie australian austrian bangladeshi belgian brazilian
    brit british canadian chilean colombian cuban dane dutchman egyptian ethiopian filipina finn
    frenchman ghanaian indian iranian iraqi israeli kenyan kiwi lebanese malaysian mexican moroccan
    new_zealander nigerian pakistani peruvian pole scot scottish south_african swede swiss tunisian
    turk venezuelan
""")
RELIGIONS = words("""
    christian catholic protestant lutheran methodist baptist anglican orthodox muslim jewish jew
    hindu buddhist sikh atheist agnostic mormon quaker evangelical presbyterian
""")
DIETS = words(
    "vegetarian vegan pescatarian pescetarian flexitarian keto paleo teetotal teetotaler teetotaller"
)
ILLNESSES = words("""
    asthma diabetes type_1_diabetes type_2_diabetes migraines migraine adhd add autism arthritis
    epilepsy celiac_disease coeliac_disease crohn's_disease hypertension high_blood_pressure
    hypothyroidism hyperthyroidism anemia anaemia insomnia eczema psoriasis ibs gerd dyslexia
    tinnitus scoliosis endometriosis pcos fibromyalgia lupus ms multiple_sclerosis sleep_apnea ocd
    ptsd bipolar_disorder depression anxiety glaucoma osteoporosis hay_fever lactose_intolerance
    gluten_intolerance rheumatoid_arthritis a_heart_condition parkinson's chronic_back_pain
    chronic_pain
""")
INSTRUMENTS = words("""
    piano guitar violin viola cello drums drum flute clarinet saxophone sax trumpet trombone tuba
    harp organ ukulele bass double_bass bass_guitar banjo mandolin accordion harmonica keyboard
    keyboards oboe bassoon horn french_horn recorder electric_guitar acoustic_guitar bagpipes sitar
""")
SPORTS = words("""
    tennis football soccer basketball volleyball hockey ice_hockey field_hockey rugby cricket golf
    badminton squash table_tennis ping_pong baseball softball handball padel pickleball lacrosse
    chess water_polo darts snooker billiards ultimate_frisbee beach_volleyball netball korfball
    bridge poker
""")
CAR = any_of("""
    volvo ford bmw tesla mercedes honda opel toyota audi vw volkswagen skoda \u0161koda seat fiat
    renault peugeot citroen citro\u00ebn nissan mazda hyundai kia subaru suzuki mitsubishi lexus
    porsche jaguar jeep chevrolet chevy dodge buick cadillac chrysler dacia saab mini corolla camry
    prius civic fabia octavia clio twingo corsa yaris wrangler f-150 silverado rav4 cr-v car pickup
    truck van suv sedan hatchback convertible minivan motorcycle motorbike scooter camper campervan
    coupe estate cabriolet vespa harley ducati
""")
DEVICE = any_of("""
    iphone ipad macbook imac thinkpad kindle pixel galaxy chromebook xps surface playstation ps5 ps4
    xbox nintendo switch fitbit airpods garmin laptop dslr nikon canon fujifilm gopro
""")
# Places of work that may be named by what they are.
ORGANIZATIONS = words("""
    hospital school university college bank bakery cafe caf\u00e9 restaurant hotel library museum
    bookshop bookstore shop store supermarket startup start-up clinic pharmacy factory farm garage
    salon gym agency company firm lab laboratory kindergarten nursery warehouse brewery winery
    newspaper magazine publisher airline airport embassy zoo theatre theater nonprofit non-profit
    ngo charity consultancy call_center call_centre law_firm tech_company software_company
    advertising_agency marketing_agency insurance_company grocery_store coffee_shop flower_shop
    daycare
""")
# People move to it and live in it, and it is no place.
SOFTWARE = words("""
    android ios windows linux ubuntu macos mac chrome firefox excel word powerpoint photoshop figma
    notion slack teams zoom discord whatsapp telegram signal instagram facebook twitter reddit
    tiktok gmail outlook spotify netflix python rust golang typescript javascript kotlin swift
    github gitlab jira trello vim emacs vscode minecraft roblox fortnite
""")
WEEKDAYS = words("monday tuesday wednesday thursday friday saturday sunday")
_MONTHS = words(
    "january february march april may june july august september october november december"
)
# Written like names, and none of somebody.
NOT_NAMES = (
    NATIONALITIES
    | RELIGIONS
    | LANGUAGES
    | WEEKDAYS
    | _MONTHS
    | words("""
    ok okay aries taurus gemini cancer leo_rising virgo libra scorpio sagittarius capricorn aquarius
    pisces european african asian latino latina hispanic black white democrat republican team gen i
    ai christmas easter god covid internet tv pc usa uk eu infj infp intj intp enfp entp sorry hi
    hello thanks dr mr mrs ms prof st sr sra mme mlle sgt capt lt rev jr facebook google zoom slack
    skype whatsapp instagram netflix actually honestly basically obviously clearly apparently
    unfortunately fortunately luckily sadly hopefully thankfully frankly seriously literally finally
    usually normally recently currently lately really surprisingly probably possibly personally
    eventually suddenly naturally ideally especially technically interestingly ironically typically
    generally admittedly absolutely totally exactly definitely certainly truly only yes no oops wow
    oh wait well anyway anyhow however though maybe perhaps please also still hey yeah yep nope ugh
    argh pardon correction rather scratch hang hold er uh um ah ops guys folks
""")
)

TITLE = f"(?:{TITLES})"
# Patterns of any of these words.
RELATION = any_of(RELATIONS)
# Tells people of one relation apart.
TOLD_APART = any_of(
    "older elder eldest oldest younger youngest big little twin other best half step ex"
)
PET = any_of(PETS)
NUMBER = r"(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|\d{1,2})"
MONTH = any_of(_MONTHS)
ACTIVITIES = any_of("""
    yoga pilates karate judo taekwondo kickboxing boxing crossfit photography pottery ceramics
    woodworking gardening ballet gymnastics martial_arts jiu-jitsu jiu_jitsu tai_chi meditation
    calligraphy embroidery crochet knitting painting rock_climbing weightlifting archery fencing
    zumba aerial_yoga swimming running cycling hiking surfing skiing sewing quilting birdwatching
    baking
""")
