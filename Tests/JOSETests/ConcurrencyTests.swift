import JOSE
import Testing
import TokenExchange

@Suite("Concurrency")
struct ConcurrencyTests {
    private let tasks = 32
    private let rounds = 40

    @Test(arguments: [SignatureAlgorithm.rs256, .ps256, .es256, .edDSA])
    func signsAndVerifiesFromManyTasks(_ algorithm: SignatureAlgorithm) async throws {
        let signer = try TestKeys.signer(algorithm)
        let rounds = rounds
        try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var good = 0
                    for round in 0..<rounds {
                        let message = Array("\(task).\(round)".utf8)
                        let signature = try signer.signature(over: message)
                        let isGood = signer.verifier.isValid(signature, over: message)
                        let isLax = signer.verifier.isValid(signature, over: message + [0])
                        if isGood, !isLax { good += 1 }
                    }
                    return good
                }
            }
            for try await good in group { #expect(good == rounds) }
        }
    }

    @Test func sealsAndOpensFromManyTasks() async {
        let sealer = OpenSSLRecordSealer()
        let rounds = rounds * 10
        await withTaskGroup(of: Int.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var good = 0
                    for round in 0..<rounds {
                        let secret = Array("\(task).\(round)".utf8)
                        let key = sealer.derive("test\0", from: secret, context: [])
                        let record = sealer.seal(secret, version: 1, under: key)
                        let other = sealer.derive("other\0", from: secret, context: [])
                        if (try? sealer.open(record, version: 1, under: key)) == secret,
                            (try? sealer.open(record, version: 1, under: other)) == nil
                        {
                            good += 1
                        }
                    }
                    return good
                }
            }
            for await good in group { #expect(good == rounds) }
        }
    }

    @Test func readsClaimsFromManyTasks() async throws {
        let rounds = rounds * 10
        try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<tasks {
                group.addTask {
                    var good = 0
                    for round in 0..<rounds {
                        let text = Array(#"{"sub":"\#(task)","n":{"r":\#(round)}}"#.utf8)
                        let object = try JSONObject(text, limits: JSONLimits())
                        let claims = try LibJWTClaimsReader.claims(["sub", "n"], in: object)
                        if claims["sub"] == .string("\(task)"), claims["n"]?["r"]?.number == Double(round) { good += 1 }
                    }
                    return good
                }
            }
            for try await good in group { #expect(good == rounds) }
        }
    }
}
