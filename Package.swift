// swift-tools-version: 6.2
import PackageDescription

let swift: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // A function that may wait runs where its caller does, so a request need not be put on its event loop at every call.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]
/// For targets that hold C pointers: every unsafe use is marked where it stands.
let swiftWithC = swift + [.strictMemorySafety()]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let metricsTestKit = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHTTPCompression = Target.Dependency.product(name: "NIOHTTPCompression", package: "swift-nio-extras")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "countersign",
    // Of the library; the service runs on Linux.
    platforms: [.iOS(.v16), .macOS(.v15)],
    products: [
        .executable(name: "countersign", targets: ["countersign"]),
        .library(name: "CountersignLink", targets: ["CountersignLink"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Debian: libssl-dev, libjwt-dev, libhiredis-dev.
        .systemLibrary(name: "COpenSSL"),
        .systemLibrary(name: "CLibJWT"),
        .systemLibrary(name: "CHiredis"),
        // Of the C library itself.
        .systemLibrary(name: "CTimex"),

        // The domain.
        .target(name: "TokenExchange", swiftSettings: swift),

        // What several of its neighbours need: threads for what may block, calls of other servers.
        .target(name: "BlockingWork", dependencies: ["TokenExchange"], swiftSettings: swiftWithC),
        .target(
            name: "Outbound",
            dependencies: [
                "BlockingWork", "TokenExchange", nio, nioHPACK, nioHTTP1, nioHTTP2, nioHTTPCompression, nioPosix,
                nioSSL, nioTLS,
            ],
            swiftSettings: swift),

        // Its neighbours, each with one kind of outside world.
        .target(
            name: "JOSE", dependencies: ["BlockingWork", "TokenExchange", "COpenSSL", "CLibJWT"],
            swiftSettings: swiftWithC),
        // Spoiled tokens, for the tests and for `countersign attack`.
        .target(
            name: "Attacks", dependencies: ["JOSE", "TokenExchange"], exclude: ["Corpus/README.md"],
            swiftSettings: swift, plugins: ["EmbeddedText"]),
        .target(
            name: "RedisSessions",
            dependencies: [
                "BlockingWork", "CHiredis", "Outbound", "TokenExchange", collections, lifecycle, logging, nio, nioPosix,
                nioSSL,
            ],
            swiftSettings: swiftWithC),
        .target(
            name: "IssuerKeys",
            dependencies: ["Outbound", "TokenExchange", lifecycle, logging],
            swiftSettings: swift),
        .target(
            name: "UpstreamTokens",
            dependencies: ["Outbound", "TokenExchange", lifecycle, logging, nioSSL], swiftSettings: swift),
        .target(
            name: "Traces",
            dependencies: ["Outbound", "TokenExchange", collections, lifecycle, logging, nioSSL, tracing],
            swiftSettings: swift),
        .target(
            name: "ServiceConfiguration", dependencies: ["BlockingWork", "TokenExchange", yams], swiftSettings: swift),
        .target(
            name: "CountersignHTTP",
            dependencies: [
                "TokenExchange", httpTypes, lifecycle, logging, metrics, nio, nioHPACK, nioHTTP2, nioPosix, nioSSL,
                nioTLS,
            ],
            exclude: ["Webview/countersign.v2.d.ts"],
            // Scripts, style sheets and openapi.yaml. Not a bundle: the program stays one file.
            swiftSettings: swift, plugins: ["EmbeddedText"]),

        .plugin(name: "EmbeddedText", capability: .buildTool()),

        // Where they meet, and the commands.
        .target(
            name: "CountersignService",
            dependencies: [
                "Attacks", "BlockingWork", "CTimex", "CountersignHTTP", "IssuerKeys", "JOSE", "Outbound",
                "RedisSessions",
                "ServiceConfiguration", "TokenExchange", "Traces", "UpstreamTokens", lifecycle, logging, metrics, nio,
                nioPosix, nioSSL,
            ],
            swiftSettings: swift),
        .executableTarget(
            name: "countersign",
            dependencies: [
                "BlockingWork", "CountersignService", "ServiceConfiguration", "TokenExchange", argumentParser, logging,
            ],
            swiftSettings: swift,
            // Swift's runtime in the program itself: calls of it go straight there, which takes a tenth off a login. Objects
            // name the libraries that the shared runtime needs; the static one needs those below too, in any order (lld).
            linkerSettings: [
                // A library that lacks something is noticed at the start, not in the middle of a login.
                .unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now"]),
                .unsafeFlags(
                    [
                        "-static-stdlib", "-use-ld=lld", "-l_FoundationICU", "-l_FoundationCShims",
                        "-l_FoundationCollections", "-lCoreFoundation", "-lBlocksRuntime", "-lstdc++",
                    ], .when(configuration: .release)),
            ],
            plugins: ["BuiltCommit"]),
        .plugin(name: "BuiltCommit", capability: .buildTool(), exclude: ["archive-commit.txt"]),

        // For native apps: Foundation only, nothing of the service.
        .target(name: "CountersignLink", swiftSettings: swift),
        .executableTarget(
            name: "OpenDeepLink", dependencies: ["CountersignLink"], path: "Examples/native",
            exclude: ["CountersignLink.kt"], swiftSettings: swift),

        .target(
            name: "TestSupport",
            dependencies: [
                "JOSE", "TokenExchange", logging, nio, nioHPACK, nioHTTP1, nioHTTP2, nioPosix, nioSSL, nioTLS,
            ],
            path: "Tests/TestSupport", swiftSettings: swift),
        .testTarget(
            name: "TokenExchangeTests", dependencies: ["Attacks", "JOSE", "TestSupport", "TokenExchange"],
            swiftSettings: swift),
        .testTarget(name: "JOSETests", dependencies: ["JOSE", "TestSupport", "TokenExchange"], swiftSettings: swift),
        .testTarget(
            name: "IssuerKeysTests",
            dependencies: ["IssuerKeys", "JOSE", "Outbound", "TestSupport", "TokenExchange", logging, nioSSL],
            swiftSettings: swift),
        .testTarget(name: "BlockingWorkTests", dependencies: ["BlockingWork", "TestSupport"], swiftSettings: swift),
        .testTarget(
            name: "OutboundTests", dependencies: ["Outbound", "TestSupport", "TokenExchange", nio, nioSSL],
            swiftSettings: swift),
        .testTarget(
            name: "UpstreamTokensTests",
            dependencies: ["JOSE", "Outbound", "TestSupport", "TokenExchange", "UpstreamTokens", logging, nioSSL],
            swiftSettings: swift),
        .testTarget(
            name: "TracesTests",
            dependencies: ["Outbound", "TestSupport", "TokenExchange", "Traces", lifecycle, logging, nioSSL],
            swiftSettings: swift),
        .testTarget(
            name: "RedisSessionsTests",
            dependencies: [
                "RedisSessions", "TestSupport", "TokenExchange", collections, lifecycle, logging, nio, nioEmbedded,
                nioPosix, nioSSL,
            ],
            swiftSettings: swift),
        .testTarget(
            name: "ChaosTests",
            dependencies: ["RedisSessions", "TestSupport", "TokenExchange", logging, nio, nioPosix],
            swiftSettings: swift),
        .testTarget(
            name: "ServiceConfigurationTests", dependencies: ["ServiceConfiguration", "TokenExchange"],
            swiftSettings: swift),
        .testTarget(
            name: "CountersignLinkTests", dependencies: ["CountersignLink", "TestSupport"], exclude: ["Driver.kt"],
            swiftSettings: swift),
        .testTarget(
            name: "CountersignHTTPTests",
            dependencies: [
                "CountersignHTTP", "JOSE", "TestSupport", "TokenExchange", httpTypes, logging, metricsTestKit, nio,
                nioEmbedded, nioHTTP1, nioSSL,
            ],
            swiftSettings: swift),
        .testTarget(
            name: "CountersignServiceTests",
            dependencies: [
                "BlockingWork", "CountersignHTTP", "CountersignService", "JOSE", "Outbound", "ServiceConfiguration",
                "TestSupport", "TokenExchange", httpTypes, lifecycle, logging, metrics, nio, nioPosix,
            ],
            swiftSettings: swift
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Attacks", "countersign", "CountersignLink", "JOSE", "OpenDeepLink", "TestSupport", "TokenExchange",
            ],
            exclude: [
                "Webview", "clients.py", "kit.py", "openapi_hooks.py", "requirements.txt", "rotation.py",
                "schemathesis.toml",
                "verify.py",
            ], swiftSettings: swift),
    ],
    swiftLanguageModes: [.v6]
)
