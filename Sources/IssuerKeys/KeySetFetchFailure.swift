/// Why a key set could not be fetched or read, in a few words for an operator. Holds nothing that the issuer sent.
package struct KeySetFetchFailure: Error, Equatable {
    package let cause: String

    /// `cause` is logged as it is.
    package init(_ cause: String) {
        self.cause = cause
    }
}
