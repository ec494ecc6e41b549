import TokenExchange

enum Base64URLProperties {
    static func check(_ input: [UInt8]) throws(BrokenProperty) {
        let written = Base64URL.encode(input)
        try require(Base64URL.decode(written) == input, "what is written is read back")
        try require(written.count == Base64URL.encodedCount(of: input.count), "the length is the one foretold")
        try checkReading(input[...])
        // Slices do not begin at zero.
        try checkReading(input.dropFirst(1))
        try checkReading(input.dropFirst(2).dropLast(1))
    }

    private static func checkReading(_ text: ArraySlice<UInt8>) throws(BrokenProperty) {
        guard let bytes = Base64URL.decode(text) else { return }
        try require(Base64URL.encode(bytes).elementsEqual(text), "a value has one text alone")
    }
}
