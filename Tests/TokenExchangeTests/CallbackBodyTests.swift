import Testing
import TokenExchange

@Suite struct CallbackBodyTests {
    private func device(_ members: String) throws(CallbackBodyError) -> ExactText {
        try CallbackBody(Array("{\"identity\":\"t\"\(members)}".utf8), limits: JSONLimits()).device
    }

    @Test(arguments: [
        (#""#, ""), (#","deviceId":null"#, ""), (#","device_id":null"#, ""),
        (#","deviceId":null,"device_id":null"#, ""),
        (#","deviceId":"","device_id":null"#, ""), (#","deviceId":null,"device_id":"x""#, "x"),
        (#","deviceId":"x","device_id":"x""#, "x"), (#","deviceId":"x","device_id":"\u0078""#, "x"),
        (#","more":18446744073709551616,"other":[1e400,{"a":-9223372036854775809}],"device_id":"x""#, "x"),
    ])
    func readsTheDeviceInEitherSpellingAndNullAsNone(members: String, expected: String) throws {
        #expect(try device(members) == ExactText(expected))
    }

    @Test(arguments: [
        (#","deviceId":"x","device_id":"y""#, CallbackBodyError.devicesDiffer),
        (#","deviceId":"","device_id":"y""#, .devicesDiffer),
        (",\"deviceId\":\"caf\u{E9}\",\"device_id\":\"cafe\u{301}\"", .devicesDiffer),
        (#","deviceId":1"#, .deviceNotAString), (#","device_id":[]"#, .deviceNotAString),
        (#","deviceId":null,"device_id":false"#, .deviceNotAString),
        (#","more":{"a":1,"a":2}"#, .json(.duplicateMember)), (#","more":01"#, .json(.malformed)),
    ])
    func refusesWhatIsNotADevice(members: String, error: CallbackBodyError) {
        #expect(throws: error) { try device(members) }
    }

    @Test(arguments: [("null", CallbackBodyError.identityNotAString), (#""Bearer ""#, .identityEmpty)])
    func needsAnIdentity(identity: String, error: CallbackBodyError) {
        #expect(throws: error) { try CallbackBody(Array("{\"identity\":\(identity)}".utf8), limits: JSONLimits()) }
    }
}
