package match

import (
	"slices"
	"strings"
	"unicode"
)

// Column is what a proposal looks at: a name and some values, not necessarily all, blank ones included.
type Column struct {
	Name   string
	Values []string
}

// Shares from which the content of a column tells its kind.
const (
	mostly        = 0.8
	filledFrom    = 0.02
	uniqueFrom    = 0.995
	categoryMost  = 40
	categoryShare = 0.05
)

// Recognise tells what a column holds from its name, and where the name says nothing from its values. It is not ok for
// columns that say nothing about a person: record ids, answer keys, constants, nearly empty ones.
func Recognise(c Column) (Kind, bool) {
	s := summarise(c.Values)
	if s.filled < filledFrom || s.distinct < 2 {
		return "", false
	}
	words := headerWords(c.Name)
	if s.email >= mostly {
		return Email, true
	}
	kind, named := kindOfHeader(words)
	if named && s.fits(kind) {
		return kind, true
	}
	if s.unique >= uniqueFrom && s.email < mostly && s.phone < mostly && idHeader(words) || answerHeader(words) {
		return "", false
	}
	return s.kind()
}

// headerWords takes a column's name apart: first_name, FirstName and "first name" are the same.
func headerWords(name string) []string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && unicode.IsLower(runes[i-1]) {
			b.WriteByte(' ')
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		} else {
			b.WriteByte(' ')
		}
	}
	return strings.Fields(b.String())
}

// headers are the words that name a kind, the more special kinds first. A phrase must occur as a whole.
func headers() []struct {
	kind    Kind
	phrases string
} {
	return []struct {
		kind    Kind
		phrases string
	}{
		{CoPresence, "co presence,copresence,co presences"},
		{LoginPattern, "login pattern,login patterns,login hours,login times"},
		{Email, "email,e mail,mail,email address,e mail address,mail address,emailaddress,correo,correo electronico,correo electrónico,courriel,e post,epost,邮箱,电子邮件,邮件"},
		{Phone, "phone,mobile,tel,telephone,cell,cellphone,handy,telefon,telefono,teléfono,téléphone,telephone portable,portable,movil,móvil,celular,cellulare,telefone,telefoon,mobiel,mobil,handynummer,telefonnummer,msisdn,phonenumber,phone number,手机,手机号,电话,联系电话,手机号码"},
		{NationalID, "ssn,soc sec,soc sec id,social security,national id,nationalid,nhs,nhs number,nino,passport,tax id,vat,identity card,id card,idcard,dni,nif,cpf,codice fiscale,bsn,personnummer,身份证,身份证号,身份证号码,证件号,证件号码"},
		{Date, "dob,birth date,birthdate,date of birth,dateofbirth,birthday,bday,geburtsdatum,geburtstag,geb datum,date de naissance,date naissance,naissance,ddn,fecha de nacimiento,fecha nacimiento,nacimiento,data di nascita,data nascita,nascita,data de nascimento,nascimento,geboortedatum,födelsedatum,born,birth,date birth,出生日期,生日,出生年月"},
		{GivenName, "given name,givenname,first name,firstname,forename,fname,given,vorname,rufname,prenom,prénom,nombre,nome proprio,voornaam,förnamn,fornavn,christian name,first,forename1,名,名字"},
		{Surname, "surname,last name,lastname,family name,familyname,lname,nachname,familienname,zuname,sname,apellido,apellidos,nom,nom de famille,cognome,sobrenome,apelido,achternaam,efternamn,etternavn,family,last,姓,姓氏"},
		{FullName, "full name,fullname,name,customer name,person name,nom complet,nombre completo,nome completo,vollständiger name,first and surname,姓名,客户姓名"},
		{Number, "street number,house number,street no,house no,housenumber,streetnumber,hausnummer,hausnr,numero,número,numéro,huisnummer,stnum,门牌号"},
		{Postcode, "postcode,post code,zip,zipcode,zip code,postal code,postal,plz,postleitzahl,code postal,codigo postal,código postal,cap,cep,pcode,邮编,邮政编码"},
		{Locality, "city,suburb,town,locality,village,place,birth place,birthplace,municipality,ort,stadt,wohnort,ville,commune,ciudad,localidad,città,comune,cidade,woonplaats,stad,district,城市,市,区县,区,出生地"},
		{Region, "state,province,county,region,country,bundesland,kanton,département,departement,provincia,estado,regione,land,省,省份,国家"},
		{Street, "street,address,addr,street name,street address,road,strasse,straße,anschrift,adresse,rue,calle,direccion,dirección,domicilio,indirizzo,via,endereço,rua,adres,straat,adress,address line,地址,住址,街道,家庭住址"}, //nolint:misspell // Dutch
		{Category, "gender,sex,title,marital status,geschlecht,anrede,sexe,civilité,genre,sexo,sesso,genere,geslacht,kön,性别"},
	}
}

// kindOfHeader finds the longest phrase in the name; of several as long, the first kind listed counts.
func kindOfHeader(words []string) (Kind, bool) {
	joined := " " + strings.Join(words, " ") + " "
	joined = strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return ' '
		}
		return r
	}, joined)
	joined = " " + Squeeze(joined) + " "
	best, found := Kind(""), 0
	for _, h := range headers() {
		for phrase := range strings.SplitSeq(h.phrases, ",") {
			if len(phrase) > found && strings.Contains(joined, " "+phrase+" ") {
				best, found = h.kind, len(phrase)
			}
		}
	}
	return best, found > 0
}

// idHeader says whether a name is one of a record's id.
func idHeader(words []string) bool {
	return len(words) == 0 || slices.ContainsFunc(words, func(w string) bool {
		return slices.Contains([]string{"id", "key", "index", "idx", "rec", "record", "row", "uuid", "guid", "no", "nr", "编号", "序号"}, w) ||
			strings.HasSuffix(w, "id")
	})
}

// answerHeader says whether a name is one of an answer key or of an id of something else.
func answerHeader(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool {
		return slices.Contains([]string{"cluster", "truth", "label", "entity", "duplicate", "id", "source", "dataset"}, w)
	})
}
