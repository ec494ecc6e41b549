/// docs/openapi.yaml, compiled in so that one file is all there is to install. Made by `make openapi`.
package enum OpenAPIDocument {
    package static let text = ##"""
        openapi: 3.1.1
        info:
          title: Countersign
          version: "1"
          summary: Exchanges NewStore identity tokens for external identities, and says whether one is good.
          description: |
            Two listeners: **public** (callback, token, session, introspection, revocation, keys, script) and **operations** (health,
            metrics, revocation of many, this document). The servers below are those of the development configuration.

            * Every answer has `X-Request-Id`: a sane one of the request (1 to 128 of `A-Za-z0-9-_.`), or a new one.
            * Errors are problem documents (RFC 9457) with an `error_code`; at `/token` they have the form of RFC 6749 §5.2.
            * A path that is none of these is 404 `not_found`; another method is 405 `method_not_allowed` with `Allow`. `HEAD` is taken
              wherever `GET` is.
            * 4xx means that the caller must act, 5xx that we must; 503 and 504 come with `Retry-After`.
            * Requests that are understood and refused (4xx) spend an allowance of their source, at either listener. Where it is spent, whatever costs
              us something or would be refused is 429 `rate_limited` with `Retry-After`; key set, metadata and script are not limited.
            * What is no well-formed HTTP/1.1 request with one valid `Host` is 400 `invalid_request`; a head or trailers of more than
              `limits.head_bytes` are 431 `head_too_large`. The connection is then closed.
            * Request bodies are plain: a `Content-Encoding` is 415 with `Accept-Encoding: identity`.
        servers:
          - url: http://127.0.0.1:8080
            description: The public listener.
        tags:
          - name: exchange
            description: An identity token in, an external identity out.
          - name: verification
            description: Is this external identity good?
          - name: discovery
            description: What verifiers and clients fetch beforehand.
          - name: operations
            description: The operations listener; never to be reached from outside.

        paths:
          /post_login_callback/{identity_provider}:
            post:
              tags: [exchange]
              operationId: exchangeForProvider
              summary: Exchange an identity token, as NewStore's Associate App does after a login.
              description: |
                Idempotent: the same identity token, device and provider get the same external identity, from any replica, while both
                tokens are valid. In optional mode our failures, and 429, are answered with 200 and `Countersign-Degraded`.
              security: []
              parameters:
                - name: identity_provider
                  in: path
                  required: true
                  description: Its name in the configuration.
                  schema: { $ref: "#/components/schemas/IdentityProviderName" }
                  example: vip-loyalty
              requestBody: { $ref: "#/components/requestBodies/Callback" }
              responses: &callbackResponses
                "200": { $ref: "#/components/responses/ExternalIdentity" }
                "400": { $ref: "#/components/responses/InvalidRequest" }
                "401": { $ref: "#/components/responses/TokenRejected" }
                "403": { $ref: "#/components/responses/TokenNotAllowed" }
                "404": { $ref: "#/components/responses/IdentityProviderUnknown" }
                "405": { $ref: "#/components/responses/MethodNotAllowed" }
                "413": { $ref: "#/components/responses/BodyTooLarge" }
                "415": { $ref: "#/components/responses/UnsupportedMediaType" }
                "429": { $ref: "#/components/responses/RateLimited" }
                "500": { $ref: "#/components/responses/MintFailed" }
                "502": { $ref: "#/components/responses/UpstreamRefused" }
                "503": { $ref: "#/components/responses/Unavailable" }
                "504": { $ref: "#/components/responses/DeadlineExceeded" }
          /post_login_callback:
            post:
              tags: [exchange]
              operationId: exchange
              summary: The same for `default_identity_provider`, or the only one configured; else 404.
              security: []
              requestBody: { $ref: "#/components/requestBodies/Callback" }
              responses: *callbackResponses
          /:
            post:
              tags: [exchange]
              operationId: exchangeByHost
              summary: The same for the provider whose `hosts` list has the request's host; else 404.
              security: []
              requestBody: { $ref: "#/components/requestBodies/Callback" }
              responses: *callbackResponses
          /token:
            post:
              tags: [exchange]
              operationId: exchangeToken
              summary: The same exchange as RFC 8693 has it.
              description: |
                The subject token is the credential; clients do not authenticate. A field must not come twice (`audience` and `resource`
                may, but are `invalid_target` then); one without a value counts as absent; fields that are not listed are ignored. There is no answer without a token: what the callback of an
                optional provider would answer with `null` is an error here.
              security: []
              requestBody:
                required: true
                content:
                  application/x-www-form-urlencoded:
                    schema:
                      type: object
                      required: [grant_type, subject_token, subject_token_type]
                      properties:
                        grant_type:
                          type: string
                          enum: ["urn:ietf:params:oauth:grant-type:token-exchange"]
                        subject_token:
                          type: string
                          minLength: 1
                          description: The identity token.
                        subject_token_type:
                          type: string
                          enum:
                            - urn:ietf:params:oauth:token-type:jwt
                            - urn:ietf:params:oauth:token-type:access_token
                            - urn:ietf:params:oauth:token-type:id_token
                        audience:
                          type: string
                          description: The identity provider. Default as for the callback without a name.
                        requested_token_type:
                          type: string
                          enum:
                            - urn:ietf:params:oauth:token-type:access_token
                            - urn:ietf:params:oauth:token-type:jwt
                            - ""
                          description: jwt only for identity providers whose tokens are JWTs. Empty counts as absent.
                        device_id:
                          description: As in the callback.
                          $ref: "#/components/schemas/Device"
                      additionalProperties: { type: string }
                    example:
                      grant_type: urn:ietf:params:oauth:grant-type:token-exchange
                      subject_token: eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIuLi4ifQ.c2lnbmF0dXJl
                      subject_token_type: urn:ietf:params:oauth:token-type:jwt
                      audience: vip-loyalty
              responses:
                "200":
                  description: The external identity.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/NoStore" }
                    Pragma: { $ref: "#/components/headers/NoCachePragma" }
                    Countersign-Degraded: { $ref: "#/components/headers/Degraded" }
                  content:
                    application/json:
                      schema: { $ref: "#/components/schemas/TokenResponse" }
                      example:
                        access_token: eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl
                        issued_token_type: urn:ietf:params:oauth:token-type:jwt
                        token_type: Bearer
                        expires_in: 10800
                  links:
                    introspect:
                      operationId: introspect
                      requestBody: { token: "$response.body#/access_token" }
                "400": { $ref: "#/components/responses/OAuthRefusal" }
                "405": { $ref: "#/components/responses/OAuthMethodNotAllowed" }
                "413": { $ref: "#/components/responses/OAuthRefusal" }
                "415": { $ref: "#/components/responses/OAuthRefusal" }
                "429": { $ref: "#/components/responses/OAuthUnavailable" }
                "500": { $ref: "#/components/responses/OAuthRefusal" }
                "502": { $ref: "#/components/responses/OAuthRefusal" }
                "503": { $ref: "#/components/responses/OAuthUnavailable" }
                "504": { $ref: "#/components/responses/OAuthUnavailable" }
          /session:
            get:
              tags: [verification]
              operationId: getSession
              summary: A webview asks about the external identity it was handed; no secret needed.
              security: [{ externalIdentity: [] }]
              responses:
                "200":
                  description: It is good. Pages of its own provider's `webview.origins` may read this.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/NoStore" }
                    Vary: { $ref: "#/components/headers/VaryOrigin" }
                    Access-Control-Allow-Origin: { $ref: "#/components/headers/AllowOrigin" }
                  content:
                    application/json:
                      schema: { $ref: "#/components/schemas/Session" }
                      example:
                        active: true
                        identity_provider: vip-loyalty
                        tenant: acme-staging
                        sub: f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55
                        exp: 1795363140
                "401": { $ref: "#/components/responses/SessionInactive" }
                "405": { $ref: "#/components/responses/SessionMethodNotAllowed" }
                "429": { $ref: "#/components/responses/SessionRateLimited" }
                "503": { $ref: "#/components/responses/SessionUnavailable" }
            options:
              tags: [verification]
              operationId: preflightSession
              summary: The CORS preflight. It carries no token, so the origins of all providers count; another gets no CORS header.
              security: []
              responses:
                "204":
                  description: Answered; whether the page may go on is in the headers.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Vary: { $ref: "#/components/headers/VaryOrigin" }
                    Access-Control-Allow-Origin: { $ref: "#/components/headers/AllowOrigin" }
                    Access-Control-Allow-Methods: { schema: { type: string, const: GET } }
                    Access-Control-Allow-Headers: { schema: { type: string, const: Authorization } }
                    Access-Control-Max-Age: { schema: { type: string, const: "600" } }
                "405": { $ref: "#/components/responses/SessionMethodNotAllowed" }
          /introspect:
            post:
              tags: [verification]
              operationId: introspect
              summary: A verifier asks about an external identity (RFC 7662).
              description: |
                `token_type_hint` is ignored. Rubbish is `{"active":false}`. While the store cannot be asked the answer is 503, never
                `active:false`; only a JWT of an optional provider is then answered from its signature, with `"session":"unconfirmed"`.
              security: [{ verifierBasic: [] }, { verifierBearer: [] }]
              requestBody: { $ref: "#/components/requestBodies/Token" }
              responses:
                "200":
                  description: Whether it is good, and if so its claims.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/NoStore" }
                  content:
                    application/json:
                      schema: { $ref: "#/components/schemas/Introspection" }
                      examples:
                        active:
                          value:
                            active: true
                            iss: http://127.0.0.1:8080
                            sub: f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55
                            aud: https://loyalty.acme.example
                            iat: 1795352340
                            exp: 1795363140
                            jti: ktz1edJQe4d70a_zIcYpWA
                            identity_provider: vip-loyalty
                            tenant: acme-staging
                            email: jane.operator@example.com
                        inactive:
                          value: { active: false }
                "400": { $ref: "#/components/responses/InvalidRequest" }
                "401": { $ref: "#/components/responses/VerifierRejected" }
                "405": { $ref: "#/components/responses/MethodNotAllowed" }
                "413": { $ref: "#/components/responses/BodyTooLarge" }
                "415": { $ref: "#/components/responses/UnsupportedMediaType" }
                "429": { $ref: "#/components/responses/RateLimited" }
                "503": { $ref: "#/components/responses/Unavailable" }
          /revoke:
            post:
              tags: [verification]
              operationId: revoke
              summary: A verifier with `may_revoke` ends the session of an external identity (RFC 7009).
              description: |
                200 also for what was never known, and for a token of a provider that the verifier may not see, which changes nothing.
              security: [{ verifierBasic: [] }, { verifierBearer: [] }]
              requestBody: { $ref: "#/components/requestBodies/Token" }
              responses:
                "200":
                  description: If it was a token of ours, it is over now.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/NoStore" }
                "400": { $ref: "#/components/responses/InvalidRequest" }
                "401": { $ref: "#/components/responses/VerifierRejected" }
                "403": { $ref: "#/components/responses/RevocationNotAllowed" }
                "405": { $ref: "#/components/responses/MethodNotAllowed" }
                "413": { $ref: "#/components/responses/BodyTooLarge" }
                "415": { $ref: "#/components/responses/UnsupportedMediaType" }
                "429": { $ref: "#/components/responses/RateLimited" }
                "503": { $ref: "#/components/responses/Unavailable" }
          /.well-known/jwks.json:
            get:
              tags: [discovery]
              operationId: getKeys
              summary: Our public keys (RFC 7517).
              security: []
              responses:
                "200":
                  description: Every key that a token of ours may be signed with, or soon will be.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/Cacheable" }
                    ETag: { $ref: "#/components/headers/ETag" }
                    Access-Control-Allow-Origin: { $ref: "#/components/headers/AnyOrigin" }
                  content:
                    application/json:
                      schema: { $ref: "#/components/schemas/KeySet" }
                      example:
                        keys:
                          - kty: EC
                            crv: P-256
                            x: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU
                            y: x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0
                            kid: 7YQB3bCk4mbqBDy-N26Kz5YuZLt25Q0XkziQX3vszOE
                            use: sig
                            alg: ES256
                "304":
                  description: The copy named in `If-None-Match` is the present one.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/Cacheable" }
                    ETag: { $ref: "#/components/headers/ETag" }
                    Access-Control-Allow-Origin: { $ref: "#/components/headers/AnyOrigin" }
                "405": { $ref: "#/components/responses/MethodNotAllowed" }
          /.well-known/oauth-authorization-server:
            get:
              tags: [discovery]
              operationId: getServerMetadata
              summary: Authorization server metadata (RFC 8414).
              description: Where `public_url` has a path, the same stands at this path followed by that one (RFC 8414 §3.1).
              security: []
              responses:
                "200":
                  description: What we support, and where.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/Cacheable" }
                    ETag: { $ref: "#/components/headers/ETag" }
                    Access-Control-Allow-Origin: { $ref: "#/components/headers/AnyOrigin" }
                  content:
                    application/json:
                      schema: { $ref: "#/components/schemas/ServerMetadata" }
                      example:
                        issuer: http://127.0.0.1:8080
                        token_endpoint: http://127.0.0.1:8080/token
                        jwks_uri: http://127.0.0.1:8080/.well-known/jwks.json
                        introspection_endpoint: http://127.0.0.1:8080/introspect
                        revocation_endpoint: http://127.0.0.1:8080/revoke
                        response_types_supported: []
                        grant_types_supported: ["urn:ietf:params:oauth:grant-type:token-exchange"]
                        token_endpoint_auth_methods_supported: [none]
                        introspection_endpoint_auth_methods_supported: [client_secret_basic, Bearer]
                        revocation_endpoint_auth_methods_supported: [client_secret_basic]
                "304":
                  description: The copy named in `If-None-Match` is the present one.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/Cacheable" }
                    ETag: { $ref: "#/components/headers/ETag" }
                    Access-Control-Allow-Origin: { $ref: "#/components/headers/AnyOrigin" }
                "405": { $ref: "#/components/responses/MethodNotAllowed" }
          /webview/countersign.v1.js:
            get: &webviewScript
              tags: [discovery]
              operationId: getWebviewScript
              summary: The script that shows a page only to whom Countersign knows (docs/webview.md). Its bytes never change.
              security: []
              responses:
                "200":
                  description: An ES module.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/ScriptCache" }
                    ETag: { $ref: "#/components/headers/ETag" }
                    Access-Control-Allow-Origin: { $ref: "#/components/headers/AnyOrigin" }
                    Cross-Origin-Resource-Policy: { required: true, schema: { type: string, const: cross-origin } }
                    X-Content-Type-Options: { required: true, schema: { type: string, const: nosniff } }
                  content:
                    text/javascript: { schema: { type: string } }
                "304":
                  description: The copy named in `If-None-Match` is the present one.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/ScriptCache" }
                    ETag: { $ref: "#/components/headers/ETag" }
                    Access-Control-Allow-Origin: { $ref: "#/components/headers/AnyOrigin" }
                "405": { $ref: "#/components/responses/MethodNotAllowed" }
          /webview/countersign.v2.js:
            get:
              <<: *webviewScript
              operationId: getWebviewScript2
              summary: Its second version, which reads more of what apps hand over. Its bytes never change.
          /webview/countersign.js:
            get:
              <<: *webviewScript
              operationId: getNewestWebviewScript
              summary: The newest version of it.

          /livez:
            servers: &operationsListener
              - url: http://127.0.0.1:8081
                description: The operations listener.
            get:
              tags: [operations]
              operationId: getLiveness
              summary: 200 while the process lives.
              security: []
              responses:
                "200":
                  description: Alive.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/NoStore" }
                  content:
                    application/json:
                      schema:
                        type: object
                        required: [status]
                        properties: { status: { const: alive } }
                      example: { status: alive }
                "405": { $ref: "#/components/responses/MethodNotAllowed" }
          /readyz:
            servers: *operationsListener
            get:
              tags: [operations]
              operationId: getReadiness
              summary: Whether logins would succeed now, component by component.
              security: []
              responses:
                "200":
                  description: "`ready`, or `degraded` where only optional providers suffer."
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/NoStore" }
                  content:
                    application/json:
                      schema: { $ref: "#/components/schemas/Readiness" }
                      example:
                        status: ready
                        components: { session_store: { status: ready }, revocations: { status: ready } }
                "405": { $ref: "#/components/responses/MethodNotAllowed" }
                "503":
                  description: "`unavailable`, or `draining` while the process leaves: it serves, but should get no new requests."
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/NoStore" }
                  content:
                    application/json:
                      schema: { $ref: "#/components/schemas/Readiness" }
                      example:
                        status: unavailable
                        components:
                          session_store: { status: ready }
                          revocations:
                            { status: unavailable, detail: "cannot be read: refused with NOPERM; read 7 s ago" }
          /metrics:
            servers: *operationsListener
            get:
              tags: [operations]
              operationId: getMetrics
              summary: Prometheus text (exposition format 0.0.4).
              security: []
              responses:
                "200":
                  description: Requests, refusals by precise reason, durations, issuers' keys and clocks, sessions that wait.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/NoStore" }
                  content:
                    text/plain:
                      schema: { type: string }
                      example: |
                        # TYPE countersign_deferred_sessions gauge
                        countersign_deferred_sessions 0.0
                "405": { $ref: "#/components/responses/MethodNotAllowed" }
          /revocations:
            servers: *operationsListener
            post:
              tags: [operations]
              operationId: revokeCohort
              summary: Ends all sessions that have something in common; for verifiers with `may_revoke` set to `all`.
              description: |
                Counts on every replica within five seconds, also for logins that are under way; later ones are not touched.
              security: [{ verifierBasic: [] }, { verifierBearer: [] }]
              requestBody:
                required: true
                content:
                  application/x-www-form-urlencoded:
                    schema:
                      type: object
                      description: Exactly one of these, and perhaps `issued_before`. No field may come twice; at most 32 fields.
                      oneOf:
                        - required: [subject]
                        - required: [device]
                        - required: [tenant]
                        - required: [identity_provider]
                        - required: [key_id]
                        - required: [all]
                      properties:
                        subject: { type: string, minLength: 1, description: "The `sub` of the associate, in whichever tenant." }
                        device: { type: string, minLength: 1, description: The device as the app names it. }
                        tenant: { type: string, minLength: 1, description: "By its name in the configuration; another is 400." }
                        identity_provider: { type: string, minLength: 1, description: "As `tenant`." }
                        key_id:
                          type: string
                          minLength: 1
                          description: |
                            The `kid` of the key that signed the tokens. Without `issued_before` the key is burnt: no replica
                            signs with it again, and all its tokens are dead. With it the key goes on signing.
                        all: { const: "true" }
                        issued_before:
                          type: integer
                          minimum: 0
                          maximum: 253402300799
                          description: Seconds of Unix time in decimal digits; absent or in the future, now.
                      additionalProperties: false
                    example: { device: till-1 }
              responses:
                "204":
                  description: Recorded.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/NoStore" }
                "400": { $ref: "#/components/responses/InvalidRequest" }
                "401": { $ref: "#/components/responses/VerifierRejected" }
                "403": { $ref: "#/components/responses/RevocationNotAllowed" }
                "405": { $ref: "#/components/responses/MethodNotAllowed" }
                "413": { $ref: "#/components/responses/BodyTooLarge" }
                "415": { $ref: "#/components/responses/UnsupportedMediaType" }
                "429": { $ref: "#/components/responses/RateLimited" }
                "503": { $ref: "#/components/responses/Unavailable" }
          /openapi.yaml:
            servers: *operationsListener
            get:
              tags: [operations]
              operationId: getOpenAPI
              summary: This document.
              security: []
              responses:
                "200":
                  description: OpenAPI 3.1.
                  headers:
                    X-Request-Id: { $ref: "#/components/headers/RequestID" }
                    Cache-Control: { $ref: "#/components/headers/NoCache" }
                  content:
                    application/yaml:
                      schema: { type: object, required: [openapi, paths] }
                "405": { $ref: "#/components/responses/MethodNotAllowed" }

        components:
          securitySchemes:
            externalIdentity:
              type: http
              scheme: bearer
              description: The external identity itself.
            verifierBasic:
              type: http
              scheme: basic
              description: |
                A verifier's id and secret, with or without the encoding of RFC 6749 §2.3.1. Answers 401 without telling which of the two
                is wrong.
            verifierBearer:
              type: http
              scheme: bearer
              description: "`<id>:<secret>`."

          requestBodies:
            Callback:
              required: true
              content:
                application/json:
                  schema:
                    type: object
                    description: |
                      Other members are ignored; none may come twice, at any depth. At most 32 KiB, 16 levels, 256 members of one object
                      (configurable); no `\u0000`. The device has two spellings; send one (both, if they say the same, are accepted).
                    required: [identity]
                    not: { required: [deviceId, device_id] }
                    properties:
                      identity:
                        type: string
                        minLength: 1
                        description: The identity token, with or without `Bearer ` (in any case) before it. At most 8 KiB (configurable).
                      deviceId: { $ref: "#/components/schemas/DeviceOrNull" }
                      device_id: { $ref: "#/components/schemas/DeviceOrNull" }
                    additionalProperties: { $ref: "#/components/schemas/Ignored" }
                  examples:
                    deviceId:
                      value: { deviceId: till-1, identity: eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIuLi4ifQ.c2lnbmF0dXJl }
                    device_id:
                      value: { device_id: "", identity: Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIuLi4ifQ.c2lnbmF0dXJl }
            Token:
              required: true
              content:
                application/x-www-form-urlencoded:
                  schema:
                    type: object
                    description: No field may come twice; at most 32 fields.
                    required: [token]
                    properties:
                      token:
                        type: string
                        description: The external identity.
                      token_type_hint:
                        type: string
                        description: Ignored.
                    additionalProperties: { type: string }
                  example: { token: eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl }

          headers:
            RequestID:
              required: true
              description: Names the request in the answer and in the log.
              schema: { type: string, pattern: "^[A-Za-z0-9_.-]{1,128}$" }
            NoStore:
              required: true
              schema: { type: string, const: no-store }
            NoCache:
              required: true
              schema: { type: string, const: no-cache }
            NoCachePragma:
              required: true
              description: RFC 6749 §5.1.
              schema: { type: string, const: no-cache }
            Cacheable:
              required: true
              description: For as long as `signing.jwks_max_age`.
              schema: { type: string, pattern: "^public, max-age=[0-9]+$" }
            ScriptCache:
              required: true
              schema: { type: string, pattern: "^public, max-age=[0-9]+(, immutable)?$" }
            ETag:
              required: true
              schema: { type: string }
            AnyOrigin:
              required: true
              description: Pages of any origin may read it.
              schema: { type: string, const: "*" }
            Degraded:
              description: |
                Only in optional mode, where our failure, or the limit of a source, was kept from the login. The `error_code` it would
                have been.
              schema:
                type: string
                enum:
                  - mint_failed
                  - upstream_refused
                  - upstream_unavailable
                  - issuer_keys_unavailable
                  - session_store_unavailable
                  - deadline_exceeded
                  - rate_limited
            VaryOrigin:
              required: true
              schema: { type: string, const: Origin }
            AllowOrigin:
              description: The request's `Origin`, where that may read the answer; otherwise there is no such header.
              schema: { type: string }
            Allow:
              required: true
              description: The methods that this path takes.
              schema: { type: string }
            Challenge:
              required: true
              description: |
                How to authenticate (RFC 9110 §11.6.1). `Bearer` says `error="invalid_token"` where a token was sent, and
                `error="insufficient_scope"` where a verifier's token was good, but not for this (RFC 6750 §3.1).
              schema: { type: string }
            RetryAfter:
              required: true
              description: Seconds.
              schema: { type: string, pattern: "^[0-9]+$" }

          responses:
            ExternalIdentity:
              description: |
                The external identity; `null` only in optional mode, where our failure, or the limit of the source, kept us from making
                one.
              headers:
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                Countersign-Degraded: { $ref: "#/components/headers/Degraded" }
              content:
                application/json:
                  schema:
                    type: object
                    required: [external_identity]
                    additionalProperties: false
                    properties:
                      external_identity:
                        type: [string, "null"]
                        pattern: "^[!-~]+$"
                  example: { external_identity: eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIuLi4ifQ.c2lnbmF0dXJl }
              links:
                introspect:
                  operationId: introspect
                  requestBody: { token: "$response.body#/external_identity" }
                revoke:
                  operationId: revoke
                  requestBody: { token: "$response.body#/external_identity" }
            InvalidRequest:
              description: "`invalid_request`: the body is not what it has to be, or did not arrive in time."
              headers: &problemHeaders
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
              content: &problemContent
                application/problem+json:
                  schema: { $ref: "#/components/schemas/Problem" }
                  example:
                    type: urn:countersign:problem:session_store_unavailable
                    title: Session store unavailable
                    status: 503
                    detail: Sessions cannot be stored or read at the moment; try again.
                    error_code: session_store_unavailable
                    request_id: 6a751409420acf400000000000000005
            TokenRejected:
              description: |
                `token_rejected` (whatever is wrong before trust is established; one code on purpose), `token_expired`,
                `token_not_yet_valid`, `token_too_old`.
              headers: &challengeHeaders
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                WWW-Authenticate: { $ref: "#/components/headers/Challenge" }
              content: *problemContent
            SessionInactive:
              description: "`token_rejected`: no token, or one that is unknown, expired, revoked or none of ours."
              headers:
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                WWW-Authenticate: { $ref: "#/components/headers/Challenge" }
                Vary: { $ref: "#/components/headers/VaryOrigin" }
                Access-Control-Allow-Origin: { $ref: "#/components/headers/AllowOrigin" }
              content: *problemContent
            SessionMethodNotAllowed:
              description: "`method_not_allowed`."
              headers:
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                Allow: { $ref: "#/components/headers/Allow" }
                Vary: { $ref: "#/components/headers/VaryOrigin" }
                Access-Control-Allow-Origin: { $ref: "#/components/headers/AllowOrigin" }
              content: *problemContent
            SessionRateLimited:
              description: "`rate_limited`: too many requests from this address were refused."
              headers: &sessionRetryHeaders
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                Retry-After: { $ref: "#/components/headers/RetryAfter" }
                Vary: { $ref: "#/components/headers/VaryOrigin" }
                Access-Control-Allow-Origin: { $ref: "#/components/headers/AllowOrigin" }
              content: *problemContent
            SessionUnavailable:
              description: "`session_store_unavailable`. Says nothing about the token."
              headers: *sessionRetryHeaders
              content: *problemContent
            VerifierRejected:
              description: "`verifier_rejected`: id and secret are absent or do not belong together."
              headers: *challengeHeaders
              content: *problemContent
            TokenNotAllowed:
              description: |
                The token is genuine, but `token_kind_not_allowed`, `audience_not_allowed`, `party_not_allowed`, `tenant_not_allowed`,
                `condition_not_met`, `claim_missing`.
              headers: *problemHeaders
              content: *problemContent
            RevocationNotAllowed:
              description: "`revocation_not_allowed`: the verifier has no `may_revoke`, or none that goes so far."
              headers:
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                WWW-Authenticate:
                  description: Where the verifier authenticated as `Bearer`.
                  schema: { type: string, const: 'Bearer error="insufficient_scope"' }
              content: *problemContent
            IdentityProviderUnknown:
              description: "`identity_provider_unknown`."
              headers: *problemHeaders
              content: *problemContent
            MethodNotAllowed:
              description: "`method_not_allowed`."
              headers:
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                Allow: { $ref: "#/components/headers/Allow" }
              content: *problemContent
            BodyTooLarge:
              description: "`body_too_large`: more than `limits.body_bytes`."
              headers: *problemHeaders
              content: *problemContent
            UnsupportedMediaType:
              description: "`unsupported_media_type`."
              headers: *problemHeaders
              content: *problemContent
            RateLimited:
              description: "`rate_limited`: too many requests from this address were refused. Good ones do not count."
              headers: &retryHeaders
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                Retry-After: { $ref: "#/components/headers/RetryAfter" }
              content: *problemContent
            MintFailed:
              description: "`mint_failed`."
              headers: *problemHeaders
              content: *problemContent
            UpstreamRefused:
              description: "`upstream_refused`: the identity provider's own service answered, without a usable token."
              headers: *problemHeaders
              content: *problemContent
            Unavailable:
              description: "`session_store_unavailable`, `issuer_keys_unavailable`, `upstream_unavailable`. Says nothing about the token."
              headers: *retryHeaders
              content: *problemContent
            DeadlineExceeded:
              description: "`deadline_exceeded`: the provider's `deadline` ran out."
              headers: *retryHeaders
              content: *problemContent
            OAuthRefusal:
              description: |
                `invalid_request` (also for a subject token that is refused: RFC 8693 §2.2.2), `invalid_target`, `invalid_scope`,
                `unsupported_grant_type`; 500: `server_error`.
              headers:
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                Pragma: { $ref: "#/components/headers/NoCachePragma" }
              content: &oauthContent
                application/json:
                  schema: { $ref: "#/components/schemas/OAuthError" }
                  example:
                    error: invalid_request
                    error_description: The token has expired; log in again.
                    error_code: token_expired
                    request_id: 6a751409420acf400000000000000005
            OAuthMethodNotAllowed:
              description: "`invalid_request`, with `Allow`."
              headers:
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                Pragma: { $ref: "#/components/headers/NoCachePragma" }
                Allow: { $ref: "#/components/headers/Allow" }
              content: *oauthContent
            OAuthUnavailable:
              description: "`temporarily_unavailable`."
              headers:
                X-Request-Id: { $ref: "#/components/headers/RequestID" }
                Cache-Control: { $ref: "#/components/headers/NoStore" }
                Pragma: { $ref: "#/components/headers/NoCachePragma" }
                Retry-After: { $ref: "#/components/headers/RetryAfter" }
              content: *oauthContent

          schemas:
            IdentityProviderName:
              type: string
              pattern: "^[a-z0-9][a-z0-9_.-]{0,63}$"
            Device:
              type: string
              description: May be empty or absent.
              pattern: "^[^\\x00]*$"
            DeviceOrNull:
              type: [string, "null"]
              description: May be empty, null or absent, which is the same.
              pattern: "^[^\\x00]*$"
            Ignored:
              type: [string, boolean, number, "null", array, object]
              description: Any JSON value; only its form is checked.
              items: { $ref: "#/components/schemas/Ignored" }
              additionalProperties: { $ref: "#/components/schemas/Ignored" }
            ErrorCode:
              type: string
              enum:
                - invalid_request
                - token_rejected
                - token_expired
                - token_not_yet_valid
                - token_too_old
                - token_kind_not_allowed
                - audience_not_allowed
                - party_not_allowed
                - tenant_not_allowed
                - condition_not_met
                - claim_missing
                - verifier_rejected
                - revocation_not_allowed
                - identity_provider_unknown
                - not_found
                - method_not_allowed
                - head_too_large
                - body_too_large
                - unsupported_media_type
                - rate_limited
                - mint_failed
                - upstream_refused
                - upstream_unavailable
                - issuer_keys_unavailable
                - session_store_unavailable
                - deadline_exceeded
            Problem:
              type: object
              description: RFC 9457. `detail` is a constant sentence for each code; it never repeats input.
              required: [type, title, status, detail, error_code, request_id]
              additionalProperties: false
              properties:
                type: { type: string, pattern: "^urn:countersign:problem:[a-z_]+$" }
                title: { type: string }
                status: { type: integer, minimum: 400, maximum: 599 }
                detail: { type: string }
                error_code: { $ref: "#/components/schemas/ErrorCode" }
                request_id: { type: string }
            OAuthError:
              type: object
              description: RFC 6749 §5.2, and the `error_code` that the callback would answer, which is more precise.
              required: [error, error_description, error_code, request_id]
              additionalProperties: false
              properties:
                error:
                  type: string
                  enum:
                    - invalid_request
                    - invalid_scope
                    - invalid_target
                    - unsupported_grant_type
                    - server_error
                    - temporarily_unavailable
                error_description: { type: string }
                error_code: { $ref: "#/components/schemas/ErrorCode" }
                request_id: { type: string }
            TokenResponse:
              type: object
              required: [access_token, issued_token_type, token_type, expires_in]
              additionalProperties: false
              properties:
                access_token:
                  type: string
                  pattern: "^[!-~]+$"
                  description: The external identity.
                issued_token_type:
                  type: string
                  enum:
                    - urn:ietf:params:oauth:token-type:access_token
                    - urn:ietf:params:oauth:token-type:jwt
                  description: What was requested; without a request jwt for JWTs, access_token for opaque tokens.
                token_type:
                  const: Bearer
                  description: "`/session` takes it as a bearer token."
                expires_in:
                  type: integer
                  minimum: 0
                  description: Seconds; less than a lifetime where an earlier answer is sent again.
            Session:
              type: object
              required: [active, identity_provider, tenant, sub, exp]
              additionalProperties: false
              properties:
                active: { const: true }
                identity_provider: { $ref: "#/components/schemas/IdentityProviderName" }
                tenant: { type: string }
                sub: { type: string }
                exp: { type: integer }
                session: { $ref: "#/components/schemas/Unconfirmed" }
            Unconfirmed:
              const: unconfirmed
              description: The store could not be asked; good by its signature, whether it was revoked cannot be told now.
            Introspection:
              type: object
              required: [active]
              oneOf:
                - required: [active]
                  properties: { active: { const: false } }
                  additionalProperties: false
                - required: [active, iss, sub, aud, iat, exp, jti, identity_provider, tenant]
                  description: Mapped claims stand beside these.
                  properties:
                    active: { const: true }
                    session: { $ref: "#/components/schemas/Unconfirmed" }
                    iss: { type: string }
                    sub: { type: string }
                    aud: { type: string }
                    iat: { type: integer }
                    exp: { type: integer }
                    jti: { type: string }
                    identity_provider: { $ref: "#/components/schemas/IdentityProviderName" }
                    tenant: { type: string }
            KeySet:
              type: object
              required: [keys]
              properties:
                keys:
                  type: array
                  items:
                    type: object
                    required: [kty, kid, use, alg]
                    properties:
                      kty: { type: string, enum: [EC, RSA, OKP] }
                      kid: { type: string }
                      use: { const: sig }
                      alg: { type: string, enum: [ES256, ES384, RS256, PS256, EdDSA] }
            ServerMetadata:
              type: object
              required:
                - issuer
                - token_endpoint
                - jwks_uri
                - introspection_endpoint
                - revocation_endpoint
                - response_types_supported
                - grant_types_supported
              properties:
                issuer: { type: string, format: uri }
                token_endpoint: { type: string, format: uri }
                jwks_uri: { type: string, format: uri }
                introspection_endpoint: { type: string, format: uri }
                revocation_endpoint: { type: string, format: uri }
                response_types_supported: { type: array, items: { type: string } }
                grant_types_supported: { type: array, items: { type: string } }
                token_endpoint_auth_methods_supported: { type: array, items: { type: string } }
                introspection_endpoint_auth_methods_supported: { type: array, items: { type: string } }
                revocation_endpoint_auth_methods_supported: { type: array, items: { type: string } }
            Readiness:
              type: object
              required: [status, components]
              properties:
                status: { $ref: "#/components/schemas/ReadinessStatus" }
                components:
                  type: object
                  additionalProperties:
                    type: object
                    required: [status]
                    properties:
                      status: { $ref: "#/components/schemas/ReadinessStatus" }
                      detail: { type: string }
            ReadinessStatus:
              type: string
              enum: [ready, degraded, unavailable, draining]

        """##
}
