/// Keys made with the openssl command for these tests alone; they protect nothing.
enum PEM {
    static let p521 = """
        -----BEGIN PRIVATE KEY-----
        MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBjPGHmxoNqnRTFAr/
        y2aIW83L3LLS3UFis8+JpYHGqXS57ljB5tRZLAQ56KyGx6x40A+vfRjzopeOJtYH
        RvMwEuOhgYkDgYYABAGi0UqUxMIMORIg7SIEYhhhNqMmzNAb3RCNu0n7uqFw6c7O
        pO4fsIRX6DL1Gfl9SACqbXM+lV4GG9qyF9lcn6zymgBNuS3bPbtz1CBoFvYZDlM/
        5750hIyNiTVdYAL2LGZ6Cev1yCpVXK0GV0+neA3PLJxs/+X32Zp3IsE+GwFJryge
        7Q==
        -----END PRIVATE KEY-----
        """

    static let p521Traditional = """
        -----BEGIN EC PRIVATE KEY-----
        MIHcAgEBBEIAGZ8BBVlm862HKPKUlC6RTVd2H58t3BxDbOkKfi7q3CNE3ztlRDbG
        1PW96N1YyT/2hjF4zjHTp8pM2gT5Pe2BqNugBwYFK4EEACOhgYkDgYYABADQJsB3
        y3NMtjdf5KR7Oqpo1OWxyUprL4vKWC87eUtCTrY/w+UlbQisq/DmOW+f1hJFPXaH
        QFtE1MsKpPMS6BH1qAFCD4xj2UcxMxGQe55uVo6AsbYl1zDDSoLJxn0iS+HTFNEe
        jKbIKa4U4QJE6+ISzfwCa0kGrL+YQcm1rq6qpRsTEg==
        -----END EC PRIVATE KEY-----
        """

    static let p256WithParameters = """
        -----BEGIN EC PARAMETERS-----
        BggqhkjOPQMBBw==
        -----END EC PARAMETERS-----
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIJWySQZbNF9cP4t4/exwTpuErpRPT58YxEkpllwZRC3CoAoGCCqGSM49
        AwEHoUQDQgAE74lKRkrc2jj0w8KfAaKv3JiiMbbmTa7K2BZ3srGFgx9Yu0Elf1vg
        a9XmkPlwBb4xiruh1E872IGrrDEyHsM8ZQ==
        -----END EC PRIVATE KEY-----
        """

    static let encrypted = """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAiIu65pfQZdugICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEBTN8A1sdsJHBO8o/Fp0EUIEgZDV
        4QjwLqgp5AU325BocIT6XoLdThNO/7rrzZxSFjRlaa2CBww9sJeLYLgIeZdVEsm9
        HGdre/CCdRqgXgImvxg3bhrPwjJudzkXmVqO4EYosmW/eYxNUpgaquDv4skoY5/j
        dI3K1VyDotykZW8iHOHTObaYGaqbBPOcGv82czcccavlUX1DPXpqCrsMGytvS0A=
        -----END ENCRYPTED PRIVATE KEY-----
        """

    static let encryptedTraditional = """
        -----BEGIN RSA PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED
        DEK-Info: AES-128-CBC,EBAF385205877CBD05850AD026AC6BCC

        Jk4nUC9TceTrZxgyvTh4R5irGq3HUj4UEPiraf9WQ/H8Ehxr7EPnqwGm+lcAYYA0
        ThAvPrvNtonUs9YM0SYlBBiWJhJ4mgINhj1HesrtCYwKxpeJ0oShmpOmzSTp3BgA
        U+cKrzA6emDnTcn2z+jtdkVrcVYrDZjt/mP6BYuroAp9tsaiKzIANNe4qqktbDBy
        eo+4C3lb/DXt2DJykfW0y5nB9l6C9z7IAKwowMZlbFaYA5+eayBCGy12XLY29Lop
        MfHAB04A4CEv48ljnBy8UrG3+CU4pdfKmqa9uz1uclQwzc3PSZC/euZd5G+oz84v
        /lGcI7Q+cQEc0TrhxVqYJPObP/SmP7VaZ5pDOS8O7rJesbczWQ8U/nZMmLiF8c2W
        ychoRBjR6HuEuuE/W8d40FwGQl5fsx/b/GGI8GwimFuFkqOYrPY8ktdyeobqFbWa
        6XyUPLtTULH+b3oIt695vPWvNLvI09jEIdu/hawpzzjqdT0gvQSbOEc0EAzSx4QQ
        K7I0K8I3lJ0zPlziVFGrFV/eK5ECs+5G3O0WWWLpnakRy+0+55f+kllto/nQtUHa
        9tbY009EEGE4CHkfqlCxQ5coKCTrueGXL+6tnOgkXx4lc4xMpc59wkmOUbblPMPf
        xwYnuRerR7eUjm7CX9ZiiwOcaZcux36gld6zBD+qZ1D45+2ZgnGrU90Us1Ylnzd/
        VjVBWsR1i561B+r/DNIUzS9T0rDNjxmJGEvOAdGSxf/5KgCIDKrr3IjVWfRvizIj
        MtH7Re+SVw21YEzjkoT6dqv6zw6RSkwKBwLCB9mUCdXzqzjPVhk42IsGMuXTqUJy
        hMrdxyT+egkisnjslEWxzAK+WyWe8Gy23ttCqnn6bxapOuBszZ30+Zh6dZ+ZJF2u
        /k82sy7QJ8e3+O3fi4W0mEDoHAibgcbETL8Cv3zPnYwbEaXJ7L3QJocXdHs30cqQ
        tKj8c/JsGtpko5YWhmwf1hcwHKxtDFRApO1faiw+J+6O3PEKvjHO/GA9LXGSdvKa
        Vs1/xwOYGJiAY8jLjqyb0kKMwF9xVhBBOIrqcfzNFAE4F/M9U6CWPGRHLlQVfYn3
        3MCcJ4/mVWQtkw11xTN59GPSqnp4cgqSeTBXaFsWNqa1CqvKJK1Qft6CXQHjgi3k
        gY+vV+EuRcploCPwwBsGtffoc7sOVCUtPGFaheo8XyDGV+0esUyx6eWj8RDhECKF
        V6eLH192tdgQG3OWm0BRBmD/NO0HrfK9EGcpE+vi/idOSJ/QjN0WZLLun0Yct7kc
        RdHiOGUWLOjpmtwOq+4+ZTRRtFbmzw3B2iERrNSyLpuzkLkfyIdUC1yxQDkx93lp
        DEo5fOHFxQ5tCQ8eExUBFSJS4sLKd+alERrx1LWl3vW18LS8grbafMtPurLwaEbw
        5ZlArGbU3NXh7Lh9UVRHOeNPhDFKE0QmokVWjvO+9+5KGmbxL1ppff8/UplpU5B4
        /sxdqO8WOecjWVUb/XLI1vVo0iFNmS6VYtPO703nIxleLqL4PttL0ij7qOcK1g4b
        G0YnLJNy2bfznoYiuq2YarhL+Cd6DZA2M4bjhvoP8Rgj6kRw0MWBTF+86RwUpSVh
        -----END RSA PRIVATE KEY-----
        """

    static let rsaTraditional = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEogIBAAKCAQEAo/OFdDM2iCwqchX9de7eIIqcG5jn0IiYhdIUnYTc+Ty3CxHC
        VbRqx5jCAAab0/5lSAzpVdr/m3GQ2lFpmRQQseFSwCUeQxPcpQ9G6OBO+6uKuLPX
        yVReNXfEetsz/0XHh8oco42WRbhSLRce0086Nq7I+pcWUyAnZtwZDwC2deIjyNca
        fI9mF89WxdS9lVyJbU6b05TG0qKJ2p5v8dLNNil1M00duGt6uoc1Y1moz2U0gsKa
        EKFqaF7m5zPGj6SPcFbrZtxycCzjw2LJvspk3ofW8+sBtfVCn1SU6kCO+3J6f5+s
        XPCf/GhtGeQyi2barCRhs0mN05ZdkZ6sHnwT8wIDAQABAoH/UflwwKjamzt5/ZEB
        KfZFGgA0DZhmT938ZOylYh0MX5H784ztneyXdzTpyxmC0HxiJ6RNBqB5LT+bLY2H
        PwLJVidTOL9WYjOMHvuEeOuukiczNSa2vfNxJ0q68rKnTPuWyE5GA4DHohSHAgSN
        ZRo4AR9jXegtQWLSUJu768RvdoDNA7JATzfGLwKk9L2Fng+bXsrl4P2RcDa0LHZz
        CHAvjAWITK/M7/mNY6+MEx4Ak1KPFwMayOWUm8UzuyadEZLQldpTaLKT8hf4WkJA
        ms8mIrYxQcNlBHfrcS/xmvrDqQIy9kskfnL53mgaurNHsnAknuD4KjVFLg3yl7E1
        gNQBAoGBAOdBGqCs4UXEbXBowc+mRyq5981PJbNmcPNZuyTN4DUsuiz/XQbwAHV+
        Xru/aWeCWJMx6RJiw4EhMIk/ihGv5B32B45txUwhqrqnCuaSkvUz3pYcBuxueqxV
        85uCP4bSSF08ZIwqg43BzYyavD9YyzAHBpsEHlJ7iEtCKMWeQJ7fAoGBALV+vfHM
        vfWF0D5uTfk36uvWikUsqC6QoU26jgwmLCgRBR+Pf+OI3gqBrpoenBnqZlx9tSQV
        3S5Eer6m9QRvYK0o+YpzCy0FKlQ34q1yF+3G8Jjn+se3wLZ3KjPSKErhnmVSPuqf
        PiGX1u45i+5nK/yHEpiY0FyRZ9EELkwcKHFtAoGASkb1AIrGyJvw8twS9FlaHnUh
        DMbROzA6M0+s9oNR8oJtQiq7fJD19MckMnWmq2KIhK7RR+CFHyLD7jGEbW3rfVwa
        zTqg1nUx20XwEGMf5LZGVjymVKafrF7nIhnRwcIlEB1nxkWZf5yyIulIcahZixGW
        o4/NFX0sJ9AWPHM6Gk0CgYEAisOTgFsU5bJgrErzrNb280e9wfPJxohn+6Dl2B4b
        ZqrUqvOxSQstEQVjtIwwt5PCnXazVxqsWCKdYkUOUkzBssMAP72DzvEDEw8Dba8s
        4mxXKeE7mRVB74AesS4+BjqIO1ltpz8HZvHLr6op9aXGOLYhHrC/pfa6VFGJAEIL
        HeUCgYEAt65Yck3Qxk8YAADz2UN/AyoUd2FL/ihLlz2z1f3u1awI3TvKpmYBgBIM
        UTfVAHTFI4ST6DYSRuSbBM9hxmk/+lufeRzTbQ6pCs0IR+lh/lHGjET89zrrDedY
        s8p3tqyYg8Wk22j4Cj3xL4UtS2kp9wPVMBCH86LD/BsTGMsz23U=
        -----END RSA PRIVATE KEY-----
        """

    static let rsaPublic = """
        -----BEGIN PUBLIC KEY-----
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo/OFdDM2iCwqchX9de7e
        IIqcG5jn0IiYhdIUnYTc+Ty3CxHCVbRqx5jCAAab0/5lSAzpVdr/m3GQ2lFpmRQQ
        seFSwCUeQxPcpQ9G6OBO+6uKuLPXyVReNXfEetsz/0XHh8oco42WRbhSLRce0086
        Nq7I+pcWUyAnZtwZDwC2deIjyNcafI9mF89WxdS9lVyJbU6b05TG0qKJ2p5v8dLN
        Nil1M00duGt6uoc1Y1moz2U0gsKaEKFqaF7m5zPGj6SPcFbrZtxycCzjw2LJvspk
        3ofW8+sBtfVCn1SU6kCO+3J6f5+sXPCf/GhtGeQyi2barCRhs0mN05ZdkZ6sHnwT
        8wIDAQAB
        -----END PUBLIC KEY-----
        """

    static let rsaPublicPKCS1 = """
        -----BEGIN RSA PUBLIC KEY-----
        MIIBCgKCAQEAo/OFdDM2iCwqchX9de7eIIqcG5jn0IiYhdIUnYTc+Ty3CxHCVbRq
        x5jCAAab0/5lSAzpVdr/m3GQ2lFpmRQQseFSwCUeQxPcpQ9G6OBO+6uKuLPXyVRe
        NXfEetsz/0XHh8oco42WRbhSLRce0086Nq7I+pcWUyAnZtwZDwC2deIjyNcafI9m
        F89WxdS9lVyJbU6b05TG0qKJ2p5v8dLNNil1M00duGt6uoc1Y1moz2U0gsKaEKFq
        aF7m5zPGj6SPcFbrZtxycCzjw2LJvspk3ofW8+sBtfVCn1SU6kCO+3J6f5+sXPCf
        /GhtGeQyi2barCRhs0mN05ZdkZ6sHnwT8wIDAQAB
        -----END RSA PUBLIC KEY-----
        """

    static let rsa1024 = """
        -----BEGIN PRIVATE KEY-----
        MIICeQIBADANBgkqhkiG9w0BAQEFAASCAmMwggJfAgEAAoGBALJTZTzlXyCpvWNS
        0lqJU4btEnYyYxkZD4qNU9xQdmdshQw1iPX+SlA9j9jAvHEouzhyWAEkc84Jfg8P
        S4b4DrxuyfW1TBO3XVMuPAiVc44L8VJJ0yMolkyjP99K9wtD9/QFhYFuqmtA8Dad
        03pr+LqMDaWgxhacJtWgd35skVvjAgMBAAECgYEAmXur3BDzonJV/mHviVs/GBd+
        V1sg7h4iwTbI4gwjDPtbPFnriwaWQZ/q6j1hM+hB0+CenEUao1CKPj4E3KMuUlMb
        +DF5pKh/hi5LSFW5oEFvI5Kr1wch3F5natPffXdj4WCe70w8v67fA5FIIFJ7ed3F
        YJa85JrB3ZuWIZxcWpkCQQDXwPdXGk+WVj+NMziKFfxSsteIddPgydJD73yVchJW
        BuZGnoYAir39APyGoOkRpkcUBvbLFhgGo1jgIhyTzy8vAkEA05caw1Ica1SJJyJe
        zj8X+sXaKKhYW4Olt8FxE5Kb3oS2iF8Xqb2S/VApWyTaukUt1sPX+aXeHhrjXQwT
        jUHRjQJBALiD3wQvDEGWIWOwmnn9s31GVe3uVvW3pItVFUb595R68hUTHab5AOKP
        JWg91RWzDrah/g5RJtsGd8u3YJlIZyECQQDCo+rjqGIqPa6ZSF3L/nBRqLXB1vLI
        5HaKbjFV3vTxokXDdy5uX8yap6YTiPiIh2DegnPn3DRSn0tt6dEGjXh1AkEA14gs
        i+LWYYHaiQ4X/Fc/f5VEHXXpV+S2OXBWEjTK1HGE7/g7IdHMe71ob9/zvXCIqDMM
        BAKTUG31Uyl2g2UKog==
        -----END PRIVATE KEY-----
        """

    static let rsa1024Public = """
        -----BEGIN PUBLIC KEY-----
        MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCyU2U85V8gqb1jUtJaiVOG7RJ2
        MmMZGQ+KjVPcUHZnbIUMNYj1/kpQPY/YwLxxKLs4clgBJHPOCX4PD0uG+A68bsn1
        tUwTt11TLjwIlXOOC/FSSdMjKJZMoz/fSvcLQ/f0BYWBbqprQPA2ndN6a/i6jA2l
        oMYWnCbVoHd+bJFb4wIDAQAB
        -----END PUBLIC KEY-----
        """

    static let rsaExponent3Public = """
        -----BEGIN PUBLIC KEY-----
        MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAoJQcRCIPthVQl1561Y0x
        3LymDZ6SMe9EPSOzqC86vWut2bJBZ4Csho+hrdx41KeLVMQH3Xo2RwheSvY89Xv+
        9X7xW4/QyqJ6/iT5HSWe4XrhnBH7KDpPqq5Mmw94w5nINpSnR9mOBogju2RSdroE
        wFIMmDeA75k6gQXO8LKsxZb94p6YlJEIViAe0paSJi5E2Lwo6vcbBXLVhgYfr9PV
        Z83HvR5FPrBbNoX6Lxgz83c8EvbLf0I28zDhMVpGr33fHSXYBgChICoV5lJTTgly
        EMm+6s76ZyOQub9Z2LHW91v19bbVV3+Zn50KPp56iqlaPqGBREsOsK2Llb+ECvx0
        GwIBAw==
        -----END PUBLIC KEY-----
        """

    static let secp256k1Public = """
        -----BEGIN PUBLIC KEY-----
        MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEei07pPEs2o+eVmwsX9KL9aBHBqa6H0xy
        3ScjEdErK0wm/iqobNNmEyH5amPOE5KLmEwCviz70dMJ+bnrMklYXQ==
        -----END PUBLIC KEY-----
        """

    static let rsaPSSPublic = """
        -----BEGIN PUBLIC KEY-----
        MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAKm8aLodB9qdTlcP4vHfouT6
        y6niCwZsF0R0xDEsotNjGYJ8EmFcFYsTHNDQJoJR0yKs6aSyIoBJpEZWzgKXxX1v
        lUqQzGbRIytECNpWFr8lwoOESpu6ZKkedqwPSL+DIgHUALIdXXfxSk9Vj/JS/bid
        wmFQInRScsgjkMPaRljcZY4HfI5IsyErQiIOgvvXZ+HCZdb4f5eXq1OMNXyuQZAq
        cqAqOd+Ml91lLIS4XYAkRcF5Xg37s4CXiZJb4o1beFhlOh1Wtvls43rv+k1bqX7V
        lwV8gbBQR+QXPcDpd9BpbNeF9lOKnORvoeBxu9Of3ymBZwEW5dr4xA1PCRnHZMUC
        AwEAAQ==
        -----END PUBLIC KEY-----
        """

    static let certificate = """
        -----BEGIN CERTIFICATE-----
        MIIBLDCB36ADAgECAhRNPkESzo/T/Lo57oafFWsZP5QpwDAFBgMrZXAwDDEKMAgG
        A1UEAwwBeDAeFw0yNjExMjIxMTU5MjZaFw0zNjExMTkxMTU5MjZaMAwxCjAIBgNV
        BAMMAXgwKjAFBgMrZXADIQA9hNW58Bft5GQJwQ9hd9vEG76PM7oIv97nGSsU8Fyi
        s6NTMFEwHQYDVR0OBBYEFJe2mhsaOv12ZvPdjkO8FSsey2BZMB8GA1UdIwQYMBaA
        FJe2mhsaOv12ZvPdjkO8FSsey2BZMA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EA
        JdFXfQlq/K/4ijr9LFV3wKYVwqCFgUoIU0bcQy7J04OzMXl5TaFeJY8haqhk9KxT
        iSorG6s4hnb0+PoHjk6TAA==
        -----END CERTIFICATE-----
        """

    static let p256WithForeignPublicHalf = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgc7BlL+/J3UaFyZ5o
        p7Pxi4PAa4oG8t45wgzs+Pr7RC2hRANCAAQnuFLOSnc/Pq2qsnHrGb36pTTU1i+2
        A4JJChIHpOowcGz0avoRJ8CGvfEURidjpSrIsLv4amyOtMTEZSklXsOt
        -----END PRIVATE KEY-----
        """
}
