"""What people do for a living, written down by us: one name a line, no other names for it."""

OCCUPATIONS = """
accountant; actor; actress; administrator; analyst; architect; artist; attorney; author; baker; banker; barber;
barista; bartender; biologist; bookkeeper; bricklayer; builder; bus driver; business owner; butcher; caregiver;
carer; carpenter; cashier; chef; chemist; civil servant; cleaner; clerk; coach; construction worker; consultant; cook;
dancer; dentist; designer; developer; director; dishwasher; doctor; dog groomer; driver; economist; editor;
electrician; engineer; factory worker; farmer; farm worker; fashion designer; firefighter; fisherman; fitter;
flight attendant; florist; forklift operator; gardener; geologist; glazier; hairdresser; handyman; homemaker;
housekeeper; housewife; importer; instructor; interpreter; janitor; jeweler; journalist; judge; laborer; labourer;
landscaper; lawyer; lecturer; librarian; machinist; maid; manager; mason; mechanic; midwife; miner; model; musician;
nanny; nurse; office worker; optician; painter; paralegal; paramedic; pest controller; pharmacist; photographer;
physician; physiotherapist; pilot; plasterer; plumber; police officer; postal worker; potter; priest; professor;
programmer; psychologist; realtor; receptionist; researcher; roofer; sailor; salesman; salesperson; saleswoman;
scientist; seamstress; secretary; security guard; shop assistant; shopkeeper; singer; social worker; soldier;
software developer; stonemason; student; supervisor; surgeon; surveyor; tailor; taxi driver; teacher;
teaching assistant; technician; therapist; translator; truck driver; tutor; veterinarian; waiter; waitress; warehouse
worker; watchmaker; weaver; web designer; welder; writer
"""
