// swift-tools-version: 6.2
import PackageDescription

// The code under test is compiled again here, with libFuzzer's instrumentation and AddressSanitizer: its targets are
// symbolic links to the outer package's folders. README.md says why.

let sanitized: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .unsafeFlags(["-sanitize=fuzzer,address", "-g"]),
]
let sanitizedLinking: [LinkerSetting] = [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]

/// Each stands in a folder of its own, with a corpus of the same name.
let harnesses = ["FuzzBase64URL", "FuzzCallbackBody", "FuzzJSON", "FuzzKeySet", "FuzzToken"]

let package = Package(
    name: "countersign-fuzz",
    targets: [
        .systemLibrary(name: "COpenSSL"),
        .systemLibrary(name: "CLibJWT"),
        .target(name: "BlockingWork", dependencies: ["TokenExchange"], swiftSettings: sanitized),
        .target(name: "TokenExchange", swiftSettings: sanitized),
        .target(
            name: "JOSE", dependencies: ["BlockingWork", "TokenExchange", "COpenSSL", "CLibJWT"],
            swiftSettings: sanitized),
        .systemLibrary(name: "CLibFuzzer"),
        .target(name: "FuzzDriver", dependencies: ["CLibFuzzer", "FuzzProperties"], swiftSettings: sanitized),
        .target(name: "FuzzProperties", dependencies: ["JOSE", "TokenExchange"], swiftSettings: sanitized),
    ]
        + harnesses.map { harness in
            .executableTarget(
                name: harness, dependencies: ["FuzzDriver", "FuzzProperties"], swiftSettings: sanitized,
                linkerSettings: sanitizedLinking)
        },
    swiftLanguageModes: [.v6]
)
