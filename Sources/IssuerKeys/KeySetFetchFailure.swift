/// Why a key set could not be had, in a few words for an operator. Holds nothing that the issuer sent.
package struct KeySetFetchFailure: Error, Equatable {
    package let cause: String

    package init(_ cause: String) {
        self.cause = cause
    }
}
