import Foundation

/// A collector of traces, and what it was sent, read strictly by the schema of OTLP 1: whatever is absent, of another
/// type, or unknown is a fault.
package struct CollectedSpan: Sendable {
    package let traceID: String
    package let id: String
    /// Nil for the first span of a trace.
    package let parentID: String?
    package let flags: Int
    package let name: String
    /// 1 internal, 2 server, 3 client.
    package let kind: Int
    /// In nanoseconds of Unix time.
    package let period: ClosedRange<UInt64>
    package let attributes: [String: String]
    /// 2 for an error; nil if it is unset.
    package let status: Int?
    package let resource: [String: String]

    /// - Parameter port: 0 for a free one.
    package static func collector(
        _ answer: FakeHTTPServer.Answer = .body("{}"), certificate: TestCertificate? = nil, port: Int = 0
    ) async throws -> FakeHTTPServer {
        var settings = FakeHTTPServer.Settings(path: "/v1/traces", port: port)
        settings.certificate = certificate
        return try await .start(answer, settings)
    }

    /// All that a collector was sent.
    package static func all(in collector: FakeHTTPServer) throws -> [CollectedSpan] {
        try collector.requests.flatMap { request in
            guard request.method == "POST", request.uri == "/v1/traces",
                request.header("Content-Type") == "application/json"
            else { throw SchemaFault("POST /v1/traces with JSON, not \(request.method) \(request.uri)") }
            return try spans(in: request.body)
        }
    }

    package static func spans(in body: String) throws -> [CollectedSpan] {
        let request = try SchemaObject(JSONSerialization.jsonObject(with: Data(body.utf8)), ["resourceSpans"])
        return try request.objects("resourceSpans", ["resource", "scopeSpans"]).flatMap { all in
            let resource = try attributes(all.object("resource", ["attributes"]))
            return try all.objects("scopeSpans", ["scope", "spans"]).flatMap { scope in
                let name = try scope.object("scope", ["name", "version"])
                guard try !name.string("name").isEmpty, try !name.string("version").isEmpty else {
                    throw SchemaFault("a scope with a name and a version")
                }
                return try scope.objects("spans", spanMembers, optional: ["parentSpanId", "status"]).map {
                    try CollectedSpan($0, resource: resource)
                }
            }
        }
    }

    private static let spanMembers: Set = [
        "traceId", "spanId", "flags", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes",
    ]

    private init(_ span: SchemaObject, resource: [String: String]) throws {
        traceID = try Self.id(span.string("traceId"), count: 32)
        id = try Self.id(span.string("spanId"), count: 16)
        parentID = try span.has("parentSpanId") ? Self.id(span.string("parentSpanId"), count: 16) : nil
        flags = try span.integer("flags")
        name = try span.string("name")
        kind = try span.integer("kind")
        let (start, end) = (
            try Self.time(span.string("startTimeUnixNano")), try Self.time(span.string("endTimeUnixNano"))
        )
        guard start <= end, !name.isEmpty, 1...3 ~= kind, flags & ~0x301 == 0, flags & 0x101 == 0x101 else {
            throw SchemaFault("a span with a name, a kind and an order of times, not \(span)")
        }
        period = start...end
        attributes = try Self.attributes(span)
        status = try span.has("status") ? span.object("status", ["code"]).integer("code") : nil
        self.resource = resource
    }

    private static func id(_ text: String, count: Int) throws -> String {
        guard text.utf8.count == count, text.allSatisfy({ "0123456789abcdef".contains($0) }),
            text.contains(where: { $0 != "0" })
        else { throw SchemaFault("an id of \(count) hexadecimal digits in lower case, not \(text)") }
        return text
    }

    private static func time(_ text: String) throws -> UInt64 {
        // Between 2020 and 2100.
        guard let time = UInt64(text), (1_577_836_800_000_000_000...4_102_444_800_000_000_000).contains(time) else {
            throw SchemaFault("nanoseconds as a string, not \(text)")
        }
        return time
    }

    private static func attributes(_ owner: SchemaObject) throws -> [String: String] {
        try Dictionary(
            owner.objects("attributes", ["key", "value"]).map { pair in
                let value = try pair.object("value", [], optional: ["stringValue", "intValue"])
                let text = try value.has("stringValue") ? value.string("stringValue") : value.string("intValue")
                guard value.has("stringValue") != value.has("intValue"), value.has("stringValue") || Int64(text) != nil
                else { throw SchemaFault("one value of one type, not \(value)") }
                return (try pair.string("key"), text)
            }, uniquingKeysWith: { _, _ in throw SchemaFault("each attribute once") })
    }
}

package struct SchemaFault: Error, CustomStringConvertible {
    package let description: String

    init(_ expected: String) { description = "expected \(expected)" }
}

/// A JSON object with the members that it must have, and perhaps others that it may have.
private struct SchemaObject {
    private let members: [String: Any]

    init(_ value: Any?, _ required: Set<String>, optional: Set<String> = []) throws {
        guard let members = value as? [String: Any] else { throw SchemaFault("an object, not \(value ?? "nothing")") }
        let names = Set(members.keys)
        guard required.isSubset(of: names), names.isSubset(of: required.union(optional)) else {
            throw SchemaFault("members \(required.sorted()), not \(names.sorted())")
        }
        self.members = members
    }

    func has(_ name: String) -> Bool { members[name] != nil }

    func string(_ name: String) throws -> String {
        guard let text = members[name] as? String else { throw SchemaFault("a string as \(name)") }
        return text
    }

    func integer(_ name: String) throws -> Int {
        guard let number = members[name] as? Int else { throw SchemaFault("a number as \(name)") }
        return number
    }

    func object(_ name: String, _ required: Set<String>, optional: Set<String> = []) throws -> SchemaObject {
        try SchemaObject(members[name], required, optional: optional)
    }

    func objects(_ name: String, _ required: Set<String>, optional: Set<String> = []) throws -> [SchemaObject] {
        guard let all = members[name] as? [Any] else { throw SchemaFault("a list as \(name)") }
        return try all.map { try SchemaObject($0, required, optional: optional) }
    }
}
