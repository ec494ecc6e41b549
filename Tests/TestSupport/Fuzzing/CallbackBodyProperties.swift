import TokenExchange

enum CallbackBodyProperties {
    private static let limits = JSONLimits()

    static func check(_ input: [UInt8]) throws(BrokenProperty) {
        let body: CallbackBody
        do { body = try CallbackBody(input, limits: limits) } catch { return try checkRefusal(error, of: input) }
        guard case .object(let members)? = try? JSONValue(parsing: input, limits: limits) else {
            throw BrokenProperty(description: "a body is a JSON object")
        }
        func string(_ name: ExactText) -> ExactText? { members.first { $0.name == name }?.value.string }
        guard let identity = string("identity")?.bytes else {
            throw BrokenProperty(description: "the identity is a string")
        }
        let token = body.identityToken.bytes
        try require(!token.isEmpty, "the token is not empty")
        let scheme = String(decoding: identity.dropLast(token.count), as: UTF8.self)
        try require(identity.suffix(token.count).elementsEqual(token), "the token is the end of the identity")
        try require(["", "bearer "].contains(scheme.lowercased()), "nothing but the scheme is left out")
        let devices = (["deviceId", "device_id"] as [ExactText]).compactMap(string)
        try require(devices.allSatisfy { $0 == body.device }, "both spellings name the device")
        try require(!devices.isEmpty || body.device.isEmpty, "no device where none was named")
    }

    private static func checkRefusal(_ error: CallbackBodyError, of input: [UInt8]) throws(BrokenProperty) {
        try require(!error.reason.isEmpty, "a refusal has a reason")
        if case .json(let cause) = error {
            do {
                _ = try JSONObject(input, limits: limits)
                throw BrokenProperty(description: "JSON that is refused is refused by the scanner")
            } catch let error as JSONError {
                try require(error == cause, "the scanner's reason is kept")
            } catch let error as BrokenProperty {
                throw error
            } catch { throw BrokenProperty(description: "the scanner throws its own errors") }
        }
    }
}
