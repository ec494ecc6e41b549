import TokenExchange

/// ``JSONObject`` and ``JSONValue`` are two ways through one scanner, and must not differ.
enum JSONProperties {
    private static let narrow = JSONLimits(depth: 3, members: 4)

    static func check(_ input: [UInt8]) throws(BrokenProperty) {
        let isAccepted = try check(input, JSONLimits())
        let isAcceptedNarrowly = try check(input, narrow)
        try require(isAccepted || !isAcceptedNarrowly, "wider limits accept what narrower ones do")
    }

    private static func check(_ input: [UInt8], _ limits: JSONLimits) throws(BrokenProperty) -> Bool {
        let value = Result { () throws(JSONError) in try JSONValue(parsing: input, limits: limits) }
        let object = Result { () throws(JSONError) in try JSONObject(input, limits: limits) }
        switch (value, object) {
        case (.success(let value), .success(let object)):
            try checkWriting(value, limits)
            try checkObject(object, against: value, limits)
        case (.success(let value), .failure(let error)):
            try checkWriting(value, limits)
            try require(!value.isObject && error == .malformed, "an object that is a value is an object")
        case (.failure(let error), .failure(let other)):
            // Where no object stands at the top, there is nothing that JSONObject would look into.
            try require(error == other || other == .malformed, "both refuse for one reason")
        case (.failure, .success): throw BrokenProperty(description: "an object is a value")
        }
        if case .success = value { return true } else { return false }
    }

    private static func checkWriting(_ value: JSONValue, _ limits: JSONLimits) throws(BrokenProperty) {
        try ExactnessProperties.check(value)
        let text = value.text
        guard let again = try? JSONValue(parsing: text, limits: limits) else {
            throw BrokenProperty(description: "what is written is read back")
        }
        try require(again == value && again.text == text, "what is written is read back as the same")
    }

    private static func checkObject(
        _ object: JSONObject, against value: JSONValue, _ limits: JSONLimits
    ) throws(BrokenProperty) {
        guard case .object(let members) = value else { throw BrokenProperty(description: "an object is an object") }
        let names = object.names
        try require(names.count == members.count, "the members are as many")
        for (name, member) in zip(names, members) {
            try require(name == member.name, "the names are the same, in the same order")
            try require(object.contains(name), "a name that is listed is there")
            try require(object.string(name) == member.value.string, "strings are the same")
        }
        try require(Set(names).count == names.count, "names are unique")
        guard let kept = try? JSONValue(parsing: object.text(keeping: names), limits: limits) else {
            throw BrokenProperty(description: "what is kept is read back")
        }
        try require(kept.text == value.text, "what is kept is kept to the letter")
        try require(object.text(keeping: []) == Array("{}".utf8), "nothing is kept but by name")
    }
}

extension JSONValue {
    fileprivate var isObject: Bool { if case .object = self { true } else { false } }
}
