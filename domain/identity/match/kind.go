package match

// Kind is what a field means: it decides the normal form of its values and which comparisons suit it.
type Kind string

// The kinds.
const (
	GivenName    Kind = "given_name"
	Surname      Kind = "surname"
	FullName     Kind = "full_name"
	Date         Kind = "date"
	Email        Kind = "email"
	Phone        Kind = "phone"
	Locality     Kind = "locality"
	Postcode     Kind = "postcode"
	Region       Kind = "region"
	Street       Kind = "street"
	Number       Kind = "number"
	NationalID   Kind = "national_id"
	Category     Kind = "category"
	Amount       Kind = "amount"
	Text         Kind = "text"
	Array        Kind = "array"
	CoPresence   Kind = "co_presence"
	LoginPattern Kind = "login_pattern"
)

// ValidKind says whether k is one of the kinds above.
func ValidKind(k Kind) bool {
	switch k {
	case GivenName, Surname, FullName, Date, Email, Phone, Locality, Postcode, Region, Street, Number, NationalID,
		Category, Amount, Text, Array, CoPresence, LoginPattern:
		return true
	}
	return false
}

// many says whether a field of the kind holds several values.
func (k Kind) many() bool { return k == Array || k.ofDevice() }

// ofDevice says whether a field tells of a device what it did, never who used it.
func (k Kind) ofDevice() bool { return k == CoPresence || k == LoginPattern }

// Reader brings a value to its normal form and gives the key under which values that sound alike are equal. It is
// safe for concurrent use; both are empty when the value says nothing. The form of a Date is yyyymmdd. It never fails
// and never keeps a value.
type Reader interface {
	Read(kind Kind, value string) (form, key string)
}
