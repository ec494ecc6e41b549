import CountersignHTTP
import CountersignService
import TestSupport
import Testing
import TokenExchange

/// One associate and one device have one hash each, in whatever line.
@Suite struct CorrelationHashTests {
    private static let key = Array("sixteen-letters!".utf8)
    private let bench = ExchangeBench()
    private let hashes: CorrelationHashes

    init() { hashes = CorrelationHashes(key: Self.key, vault: bench.vault) }

    private func report(_ notes: (inout Reply.Notes) -> Void) -> RequestReport {
        let reply = Reply.json([])
        notes(&reply.notes)
        return RequestReport(
            reply, nil, requestID: "r", source: nil, route: "callback", start: .zero, end: .zero)
    }

    /// A login, and the question about its session.
    private func logIn(device: ExactText = "till-1") async throws -> (login: RequestReport, session: RequestReport) {
        let request = ExchangeRequest(
            identityToken: IdentityToken(bytes: try bench.token.signed(by: TestKeys.rs256)), device: device,
            provider: bench.providers[0], arrivedAt: bench.clock.time.elapsed())
        let identity = try #require(await bench.exchange(request).externalIdentity)
        let session = try #require(try await bench.introspect(identity).session)
        return (report { $0.exchange = request.report }, report { $0.session = session.record })
    }

    @Test func areTheSameForALoginAndForQuestionsAboutItsSession() async throws {
        let (login, session) = try await logIn()
        let ofLogin = hashes.hashes(of: login)
        #expect(ofLogin.subject != nil && ofLogin.device != nil && ofLogin.subject != ofLogin.device)
        #expect(ofLogin == hashes.hashes(of: session))
        #expect(
            ofLogin.subject == hashes.hash(ofSubject: "f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55", tenant: "acme-staging"))
        #expect(ofLogin.device == hashes.hash(ofDevice: "till-1"))
    }

    @Test func tellTheSameSubjectOfTwoTenantsApart() {
        #expect(hashes.hash(ofSubject: "jane", tenant: "a") != hashes.hash(ofSubject: "jane", tenant: "b"))
        #expect(hashes.hash(ofSubject: "bc", tenant: "a") != hashes.hash(ofSubject: "c", tenant: "ab"))
        #expect(hashes.hash(ofSubject: "x", tenant: "") != hashes.hash(ofDevice: "x"))
    }

    @Test func areAbsentForWhatIsNotKnown() async throws {
        let (login, session) = try await logIn(device: "")
        #expect(hashes.hashes(of: login).device == nil && hashes.hashes(of: session).device == nil)
        #expect(hashes.hash(ofDevice: "") == nil)
        #expect(hashes.hashes(of: report { _ in }) == (nil, nil))
        let forged = ExchangeRequest(
            identityToken: IdentityToken(bytes: try bench.token.signed(by: TestKeys.stranger)), device: "till-1",
            provider: bench.providers[0], arrivedAt: bench.clock.time.elapsed())
        _ = await bench.exchange(forged)
        let refused = hashes.hashes(of: report { $0.exchange = forged.report })
        #expect(refused.subject == nil && refused.device == hashes.hash(ofDevice: "till-1"))
    }

    /// A token of an internal service may be held by several devices, and none of them says which it is.
    @Test func nameNoDeviceOfASessionThatSeveralHave() async throws {
        let record = try #require(try await logIn().session.session)
        let other = try #require(try await logIn(device: "till-2").session.session)
        let shared = SessionRecord(
            identityProvider: record.identityProvider, tenant: record.tenant, subject: record.subject,
            issuedAt: record.issuedAt, expiresAt: record.expiresAt, tokenID: record.tokenID,
            devices: record.devices + other.devices)
        let found = hashes.hashes(of: report { $0.session = shared })
        #expect(found.device == nil && found.subject == hashes.hash(ofSubject: record.subject, tenant: record.tenant))
    }

    @Test func followTheKey() async throws {
        let (login, _) = try await logIn()
        let first = hashes.hashes(of: login)
        hashes.use(Array("another-key-of-16".utf8))
        #expect(hashes.hashes(of: login).subject != first.subject)
        #expect(hashes.hashes(of: login).device != first.device)
        hashes.use(nil)
        #expect(hashes.hashes(of: login) == (nil, nil))
        hashes.use(Self.key)
        #expect(hashes.hashes(of: login) == first)
    }
}
