// swift-tools-version: 6.2
import PackageDescription

let swift: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
/// For targets that hold C pointers: every unsafe use is marked where it stands.
let swiftWithC = swift + [.strictMemorySafety()]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let metricsTestKit = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
    name: "countersign",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Debian: libssl-dev, libjwt-dev, libhiredis-dev.
        .systemLibrary(name: "COpenSSL"),
        .systemLibrary(name: "CLibJWT"),
        .systemLibrary(name: "CHiredis"),

        // Threads for what blocks; whoever reads files needs it.
        .target(name: "BlockingWork", swiftSettings: swift),

        // The domain.
        .target(name: "TokenExchange", swiftSettings: swift),

        // Its neighbours, each with one kind of outside world.
        .target(
            name: "JOSE", dependencies: ["BlockingWork", "TokenExchange", "COpenSSL", "CLibJWT"],
            swiftSettings: swiftWithC),
        .target(
            name: "RedisSessions",
            dependencies: [
                "BlockingWork", "TokenExchange", "CHiredis", collections, lifecycle, logging, nio, nioPosix, nioSSL,
            ],
            swiftSettings: swiftWithC),
        .target(
            name: "IssuerKeys",
            dependencies: ["TokenExchange", asyncHTTPClient, lifecycle, logging, nio, nioHTTP1, nioPosix, nioSSL],
            swiftSettings: swift),
        .target(
            name: "UpstreamTokens",
            dependencies: [
                "TokenExchange", asyncHTTPClient, collections, lifecycle, logging, nio, nioHTTP1, nioPosix, nioSSL,
            ],
            swiftSettings: swift),
        .target(
            name: "ServiceConfiguration", dependencies: ["BlockingWork", "TokenExchange", yams], swiftSettings: swift),
        .target(
            name: "CountersignHTTP",
            dependencies: [
                "TokenExchange", httpTypes, lifecycle, logging, metrics, nio, nioPosix, nioSSL, nioTLS,
            ],
            // Not a bundle: the program stays one file.
            resources: [.embedInCode("Webview/countersign.v1.js")],
            swiftSettings: swift),

        // Where they meet, and the commands.
        .target(
            name: "CountersignService",
            dependencies: [
                "BlockingWork", "CountersignHTTP", "IssuerKeys", "JOSE", "RedisSessions", "ServiceConfiguration",
                "TokenExchange", "UpstreamTokens", asyncHTTPClient, lifecycle, logging, metrics, nio, nioPosix, nioSSL,
            ],
            swiftSettings: swift),
        .executableTarget(
            name: "countersign",
            dependencies: [
                "BlockingWork", "CountersignService", "ServiceConfiguration", "TokenExchange", argumentParser, logging,
                nio, nioPosix,
            ],
            swiftSettings: swift),

        .target(
            name: "TestSupport",
            dependencies: ["COpenSSL", "JOSE", "TokenExchange", logging, nio, nioHTTP1, nioHTTP2, nioPosix, nioSSL],
            path: "Tests/TestSupport", swiftSettings: swift),
        .testTarget(name: "BlockingWorkTests", dependencies: ["BlockingWork", "TestSupport"], swiftSettings: swift),
        .testTarget(
            name: "TokenExchangeTests", dependencies: ["JOSE", "TestSupport", "TokenExchange"], exclude: ["Attacks"],
            swiftSettings: swift),
        .testTarget(name: "JOSETests", dependencies: ["JOSE", "TestSupport", "TokenExchange"], swiftSettings: swift),
        .testTarget(
            name: "IssuerKeysTests",
            dependencies: ["IssuerKeys", "JOSE", "TestSupport", "TokenExchange", asyncHTTPClient, logging],
            swiftSettings: swift),
        .testTarget(
            name: "UpstreamTokensTests",
            dependencies: ["JOSE", "TestSupport", "TokenExchange", "UpstreamTokens", logging, nioSSL],
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
            name: "CountersignHTTPTests",
            dependencies: [
                "CountersignHTTP", "JOSE", "TestSupport", "TokenExchange", httpTypes, logging, metricsTestKit, nio,
                nioEmbedded, nioHTTP1, nioSSL,
            ],
            swiftSettings: swift),
        .testTarget(
            name: "CountersignServiceTests",
            dependencies: [
                "BlockingWork", "CountersignService", "JOSE", "ServiceConfiguration", "TestSupport", "TokenExchange",
                lifecycle, logging, metrics, nio, nioPosix,
            ],
            swiftSettings: swift
        ),
        .testTarget(
            name: "EndToEndTests", dependencies: ["countersign", "JOSE", "TestSupport", "TokenExchange"],
            exclude: [
                "Webview", "clients.py", "kit.py", "openapi_hooks.py", "requirements.txt", "rotation.py",
                "schemathesis.toml",
                "verify.py",
            ], swiftSettings: swift),
    ],
    swiftLanguageModes: [.v6]
)
