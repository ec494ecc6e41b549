import JOSE

/// Signatures of HS256, HS384 and HS512 (RFC 7518 §3.2, RFC 2104), which must be refused. Nothing under test makes them, so
/// the SHA-2 of 64-bit words (FIPS 180-4) is written here.
package enum HMAC {
    /// Nil if the algorithm is none of the three.
    package static func code(_ algorithm: String, key: [UInt8], over input: [UInt8]) -> [UInt8]? {
        switch algorithm {
        case "HS256": code(key, over: input, block: 64) { OpenSSLRecordSealer().digest($0) }
        case "HS384":
            code(key, over: input, block: 128) { Array(SHA512.digest($0, from: SHA512.startOf384).prefix(48)) }
        case "HS512": code(key, over: input, block: 128) { SHA512.digest($0, from: SHA512.start) }
        default: nil
        }
    }

    private static func code(
        _ key: [UInt8], over input: [UInt8], block: Int, digest: ([UInt8]) -> [UInt8]
    ) -> [UInt8] {
        let key = key.count > block ? digest(key) : key
        let padded = key + [UInt8](repeating: 0, count: block - key.count)
        return digest(padded.map { $0 ^ 0x5C } + digest(padded.map { $0 ^ 0x36 } + input))
    }
}

/// SHA-512, and SHA-384 from another start.
private enum SHA512 {
    static let start: [UInt64] = [
        0x6a09_e667_f3bc_c908, 0xbb67_ae85_84ca_a73b, 0x3c6e_f372_fe94_f82b, 0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1, 0x9b05_688c_2b3e_6c1f, 0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179,
    ]
    static let startOf384: [UInt64] = [
        0xcbbb_9d5d_c105_9ed8, 0x629a_292a_367c_d507, 0x9159_015a_3070_dd17, 0x152f_ecd8_f70e_5939,
        0x6733_2667_ffc0_0b31, 0x8eb4_4a87_6858_1511, 0xdb0c_2e0d_64f9_8fa7, 0x47b5_481d_befa_4fa4,
    ]

    static func digest(_ message: [UInt8], from start: [UInt64]) -> [UInt8] {
        let zeros = (239 - message.count % 128) % 128
        let length = (0..<8).reversed().map { UInt8(truncatingIfNeeded: (message.count * 8) >> ($0 * 8)) }
        let padded = message + [0x80] + [UInt8](repeating: 0, count: zeros + 8) + length
        let state = stride(from: 0, to: padded.count, by: 128).reduce(start) { state, block in
            zip(state, mixed(state, with: padded[block..<(block + 128)])).map { $0 &+ $1 }
        }
        return state.flatMap { word in (0..<8).reversed().map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    }

    private static func mixed(_ state: [UInt64], with block: ArraySlice<UInt8>) -> [UInt64] {
        var words = stride(from: block.startIndex, to: block.endIndex, by: 8).map { start in
            block[start..<(start + 8)].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        }
        for index in 16..<80 {
            let (w2, w15) = (words[index - 2], words[index - 15])
            let (low, high) = (turned(w15, 1) ^ turned(w15, 8) ^ w15 >> 7, turned(w2, 19) ^ turned(w2, 61) ^ w2 >> 6)
            words.append(high &+ words[index - 7] &+ low &+ words[index - 16])
        }
        var v = state
        for (word, constant) in zip(words, constants) {
            let choice = v[4] & v[5] ^ ~v[4] & v[6]
            let first = v[7] &+ (turned(v[4], 14) ^ turned(v[4], 18) ^ turned(v[4], 41)) &+ choice &+ constant &+ word
            let majority = v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2]
            let second = (turned(v[0], 28) ^ turned(v[0], 34) ^ turned(v[0], 39)) &+ majority
            v = [first &+ second, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
        }
        return v
    }

    private static func turned(_ word: UInt64, _ bits: UInt64) -> UInt64 { word >> bits | word << (64 - bits) }

    private static let constants: [UInt64] = [
        0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f, 0xe9b5_dba5_8189_dbbc,
        0x3956_c25b_f348_b538, 0x59f1_11f1_b605_d019, 0x923f_82a4_af19_4f9b, 0xab1c_5ed5_da6d_8118,
        0xd807_aa98_a303_0242, 0x1283_5b01_4570_6fbe, 0x2431_85be_4ee4_b28c, 0x550c_7dc3_d5ff_b4e2,
        0x72be_5d74_f27b_896f, 0x80de_b1fe_3b16_96b1, 0x9bdc_06a7_25c7_1235, 0xc19b_f174_cf69_2694,
        0xe49b_69c1_9ef1_4ad2, 0xefbe_4786_384f_25e3, 0x0fc1_9dc6_8b8c_d5b5, 0x240c_a1cc_77ac_9c65,
        0x2de9_2c6f_592b_0275, 0x4a74_84aa_6ea6_e483, 0x5cb0_a9dc_bd41_fbd4, 0x76f9_88da_8311_53b5,
        0x983e_5152_ee66_dfab, 0xa831_c66d_2db4_3210, 0xb003_27c8_98fb_213f, 0xbf59_7fc7_beef_0ee4,
        0xc6e0_0bf3_3da8_8fc2, 0xd5a7_9147_930a_a725, 0x06ca_6351_e003_826f, 0x1429_2967_0a0e_6e70,
        0x27b7_0a85_46d2_2ffc, 0x2e1b_2138_5c26_c926, 0x4d2c_6dfc_5ac4_2aed, 0x5338_0d13_9d95_b3df,
        0x650a_7354_8baf_63de, 0x766a_0abb_3c77_b2a8, 0x81c2_c92e_47ed_aee6, 0x9272_2c85_1482_353b,
        0xa2bf_e8a1_4cf1_0364, 0xa81a_664b_bc42_3001, 0xc24b_8b70_d0f8_9791, 0xc76c_51a3_0654_be30,
        0xd192_e819_d6ef_5218, 0xd699_0624_5565_a910, 0xf40e_3585_5771_202a, 0x106a_a070_32bb_d1b8,
        0x19a4_c116_b8d2_d0c8, 0x1e37_6c08_5141_ab53, 0x2748_774c_df8e_eb99, 0x34b0_bcb5_e19b_48a8,
        0x391c_0cb3_c5c9_5a63, 0x4ed8_aa4a_e341_8acb, 0x5b9c_ca4f_7763_e373, 0x682e_6ff3_d6b2_b8a3,
        0x748f_82ee_5def_b2fc, 0x78a5_636f_4317_2f60, 0x84c8_7814_a1f0_ab72, 0x8cc7_0208_1a64_39ec,
        0x90be_fffa_2363_1e28, 0xa450_6ceb_de82_bde9, 0xbef9_a3f7_b2c6_7915, 0xc671_78f2_e372_532b,
        0xca27_3ece_ea26_619c, 0xd186_b8c7_21c0_c207, 0xeada_7dd6_cde0_eb1e, 0xf57d_4f7f_ee6e_d178,
        0x06f0_67aa_7217_6fba, 0x0a63_7dc5_a2c8_98a6, 0x113f_9804_bef9_0dae, 0x1b71_0b35_131c_471b,
        0x28db_77f5_2304_7d84, 0x32ca_ab7b_40c7_2493, 0x3c9e_be0a_15c9_bebc, 0x431d_67c4_9c10_0d4c,
        0x4cc5_d4be_cb3e_42b6, 0x597f_299c_fc65_7e2a, 0x5fcb_6fab_3ad6_faec, 0x6c44_198c_4a47_5817,
    ]
}
