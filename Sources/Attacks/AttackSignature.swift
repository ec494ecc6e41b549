import JOSE
import TokenExchange

/// Who signs what, and what becomes of the signature.
struct AttackSignature: Sendable {
    private let secret: Secret
    /// Nil for the profile's own.
    private let algorithm: String?
    private let signsModel: Bool
    private let bytes: [SignatureChange]
    private let changes: [SegmentChange]

    private enum Secret: Sendable {
        /// No bytes at all.
        case none
        case key(@Sendable (AttackKeys) -> AttackKeyPairs)
        /// The HMAC key that the issuer's public key makes in this spelling.
        case publicKey(String)
    }

    init(_ value: JSONValue, at place: String) throws {
        let object = try StrictObject(value, ["key", "secret", "algorithm", "over", "bytes", "segment"], at: place)
        if object["secret"] != nil {
            secret = .publicKey(try object.string("secret"))
        } else {
            switch try object["key"] == nil ? "issuer" : object.string("key") {
            case "none": secret = .none
            case "issuer": secret = .key(\.issuer)
            case "stranger": secret = .key(\.stranger)
            case "other_realm": secret = .key(\.otherRealm)
            case let name: throw AttackProblem(description: "\(place): there is no key \(name)")
            }
        }
        algorithm = try object["algorithm"] == nil ? nil : object.string("algorithm")
        let over = try object["over"] == nil ? "itself" : object.string("over")
        guard ["itself", "model"].contains(over) else { throw AttackProblem(description: "\(place): over \(over)") }
        signsModel = over == "model"
        bytes = try object.array("bytes").map { try SignatureChange($0, at: place) }
        changes = try object.array("segment").map { try SegmentChange($0, at: place) }
    }

    func segment(
        over input: [UInt8], in scene: AttackScene, _ value: (String) throws -> [UInt8]
    ) throws -> [UInt8] {
        let input = signsModel ? scene.goodSigningInput : input
        var signature = try signature(over: input, in: scene)
        for change in bytes { signature = try change.apply(to: signature, modulus: try scene.modulus) }
        return try changes.reduce(Base64URL.encode(signature)) { try $1.apply(to: $0, value) }
    }

    private func signature(over input: [UInt8], in scene: AttackScene) throws -> [UInt8] {
        let name = algorithm ?? scene.algorithm.rawValue
        switch secret {
        case .none: return []
        case .key(let pairs):
            guard let algorithm = SignatureAlgorithm(rawValue: name) else {
                throw AttackProblem(description: "no key signs with \(name)")
            }
            return try pairs(scene.keys).signer(algorithm).signature(over: input)
        case .publicKey(let spelling):
            guard let code = HMAC.code(name, key: try scene.publicKey(spelling), over: input) else {
                throw AttackProblem(description: "no HMAC is \(name)")
            }
            return code
        }
    }
}

/// Changes of the bytes of a signature.
enum SignatureChange: Sendable {
    /// Counted from the first bit; from the last where negative.
    case flipBit(Int)
    case truncate
    case zeros
    case ones
    /// R‖S as a DER SEQUENCE (RFC 3279 §2.2.3).
    case der
    case swapHalves
    case setR([UInt8])
    case setS([UInt8])
    case addOrderToR
    case addModulus
    case prepend([UInt8])
    case append([UInt8])
    case replace([UInt8])

    init(_ value: JSONValue, at place: String) throws {
        let plain: [ExactText: SignatureChange] = [
            "truncate": .truncate, "zeros": .zeros, "ones": .ones, "der": .der, "swap_halves": .swapHalves,
            "add_order_to_r": .addOrderToR, "add_modulus": .addModulus,
        ]
        if let name = value.string, let change = plain[name] {
            self = change
            return
        }
        let object = try StrictObject(value, ["flip_bit", "r", "s", "prepend", "append", "replace"], at: place)
        guard let name = object.members.first?.name, object.members.count == 1 else {
            throw AttackProblem(description: "\(place): expected one change")
        }
        if name == "flip_bit" {
            self = .flipBit(try object.integer(name))
            return
        }
        let bytes = try Hexadecimal.bytes(try object.string(name), at: place)
        switch name {
        case "r": self = .setR(bytes)
        case "s": self = .setS(bytes)
        case "prepend": self = .prepend(bytes)
        case "append": self = .append(bytes)
        default: self = .replace(bytes)
        }
    }

    func apply(to signature: [UInt8], modulus: [UInt8]) throws -> [UInt8] {
        let half = signature.count / 2
        let (r, s) = (Array(signature.prefix(half)), Array(signature.dropFirst(half)))
        switch self {
        case .flipBit(let bit):
            var changed = signature
            let position = bit < 0 ? signature.count * 8 + bit : bit
            changed[position / 8] ^= 0x80 >> UInt8(position % 8)
            return changed
        case .truncate: return Array(signature.dropLast())
        case .zeros: return [UInt8](repeating: 0, count: signature.count)
        case .ones: return [UInt8](repeating: 0xFF, count: signature.count)
        case .der: return Self.der([r, s])
        case .swapHalves: return s + r
        case .setR(let bytes): return bytes + s
        case .setS(let bytes): return r + bytes
        case .addOrderToR: return Self.sum(r, try Hexadecimal.bytes(Self.orderOfP256, at: "order")) + s
        case .addModulus: return Self.sum(signature, modulus)
        case .prepend(let bytes): return bytes + signature
        case .append(let bytes): return signature + bytes
        case .replace(let bytes): return bytes
        }
    }

    /// FIPS 186-4 D.1.2.3.
    private static let orderOfP256 = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"

    /// Of numbers of one length, in one byte more where it takes one.
    private static func sum(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var sum: [UInt8] = []
        var carry = 0
        for (a, b) in zip(left.reversed(), right.reversed()) {
            carry += Int(a) + Int(b)
            sum.append(UInt8(carry & 0xFF))
            carry >>= 8
        }
        return (carry > 0 ? [UInt8(carry)] : []) + sum.reversed()
    }

    private static func der(_ numbers: [[UInt8]]) -> [UInt8] {
        let content = numbers.flatMap { number -> [UInt8] in
            var magnitude = Array(number.drop { $0 == 0 })
            if magnitude.first ?? 0x80 >= 0x80 { magnitude.insert(0, at: 0) }
            return [0x02, UInt8(magnitude.count)] + magnitude
        }
        return [0x30, UInt8(content.count)] + content
    }
}
