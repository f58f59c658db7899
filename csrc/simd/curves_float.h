/* The curves of curves.h in single precision: minimax in each piece, the lowest coefficients
 * rounded before the others are fitted. */
/* error 2^-23.1 */
static const TK_Curve TK_FN(tk_gelu_curve) = {
    TK_EVEN(0x1.41ffbcp-7f, 0x1.9d8fp-9f, -0x1.838acp-8f, -0x1.3aaa26p-8f, 0x1.e48c1ap-12f,
            0x1.ebd2f8p-10f, 0x1.847878p-11f, -0x1.5a354ep-18f),
    TK_ODD(0, 0x1.6a75aep-6f, 0x1.06660ap-6f, -0x1.52841ep-9f, -0x1.2323cap-7f, -0x1.18744ep-8f,
           -0x1.3ddd58p-15f, 0x1.bd091cp-11f),
    TK_EVEN(-0x1.1052bp-4f, -0x1.15fe38p-5f, 0x1.4a3c74p-6f, 0x1.279c1cp-5f, 0x1.26d09ep-6f,
            0x1.0a3a74p-11f, -0x1.0a0202p-8f, -0x1.45bc58p-9f),
    TK_ODD(0, -0x1.c29a5ap-4f, -0x1.ef8bb4p-4f, -0x1.d03944p-5f, -0x1.a3327cp-19f, 0x1.0d3ceep-6f,
           0x1.6b1808p-7f, 0x1.133bf2p-8f),
    TK_EVEN(0x1.98845p-2f, 0x1.3b736cp-2f, 0x1.ef8e96p-4f, -0x1.09407p-6f, -0x1.ba4b26p-5f,
            -0x1.312238p-5f, -0x1.fc4866p-7f, -0x1.251bf4p-8f),
    TK_GATE_1(-0x1p-1f, -0x1.0f5ecp-3f, 0x1.55429ap-4f, 0x1.050e94p-3f, 0x1.5d1c0ap-4f,
              0x1.341c2ap-5f, 0x1.876f48p-7f, 0x1.71da92p-9f),
    TK_GATE_0(-0.0f, -0x1.3bf144p-3f, -0x1.44ed0cp-3f, -0x1.9a76a4p-4f, -0x1.74bcf8p-5f,
              -0x1.fcb21ep-7f, -0x1.096696p-8f, -0x1.aae05p-11f),
};

/* error 2^-23.4 */
static const TK_Curve TK_FN(tk_gelu_tanh_curve) = {
    TK_EVEN(0x1.495086p-7f, 0x1.b44724p-9f, -0x1.94980ap-8f, -0x1.22086ep-8f, 0x1.c4e878p-12f,
            0x1.be1cb4p-10f, 0x1.b4b9dap-11f, 0x1.eeb908p-15f),
    TK_ODD(0, 0x1.7053p-6f, 0x1.ff9432p-7f, -0x1.6055ep-9f, -0x1.135836p-7f, -0x1.1f450ep-8f,
           -0x1.17984ep-12f, 0x1.d7e574p-11f),
    TK_EVEN(-0x1.11abaep-4f, -0x1.13d652p-5f, 0x1.4e945cp-6f, 0x1.215b1cp-5f, 0x1.26ea4p-6f,
            0x1.1fc32ep-10f, -0x1.0ba7e2p-8f, -0x1.62ef66p-9f),
    TK_ODD(0, -0x1.c35d4p-4f, -0x1.ecaf18p-4f, -0x1.cfba06p-5f, -0x1.f64092p-11f, 0x1.0be3dp-6f,
           0x1.7c96f4p-7f, 0x1.1ddep-8f),
    TK_EVEN(0x1.98845p-2f, 0x1.3b240cp-2f, 0x1.efeb46p-4f, -0x1.f4006p-7f, -0x1.b9dad6p-5f,
            -0x1.384d4ap-5f, -0x1.043deap-6f, -0x1.1825ecp-8f),
    TK_GATE_1(-0x1p-1f, -0x1.0fa06p-3f, 0x1.53d224p-4f, 0x1.058d3ep-3f, 0x1.60a9ap-4f,
              0x1.36e638p-5f, 0x1.7b96fap-7f, 0x1.3d8a7p-9f),
    TK_GATE_0(-0.0f, -0x1.3bfa4cp-3f, -0x1.453d22p-3f, -0x1.9b5ad6p-4f, -0x1.73ef8ap-5f,
              -0x1.ee47fep-7f, -0x1.dcc29ep-9f, -0x1.4310a6p-11f),
};

/* error 2^-23.8 of |y| + 0.05 */
static const TK_Curve TK_FN(tk_gelu_slope_curve) = {
    TK_SLOPE_EVEN(0, 0x1.6bab06p-6f, 0x1.2fd178p-7f, -0x1.4a6e8ep-7f, -0x1.f56156p-8f,
                  0x1.f359acp-11f, 0x1.4941f6p-9f, 0x1.d3c19ap-11f),
    TK_SLOPE_ODD(-0x1.e19f58p-5f, -0x1.2a5134p-6f, 0x1.232e96p-5f, 0x1.dc7642p-6f, -0x1.3c615ep-9f,
                 -0x1.79e93p-7f, -0x1.337e5p-8f, 0x1.3e8542p-12f),
    TK_SLOPE_EVEN(0, -0x1.cbe8fp-4f, -0x1.4a973p-4f, 0x1.bec2d8p-7f, 0x1.707a72p-5f, 0x1.5da384p-6f,
                  0x1.ed2522p-20f, -0x1.164e12p-8f),
    TK_SLOPE_ODD(0x1.104f64p-2f, 0x1.15e526p-3f, -0x1.4a476ep-4f, -0x1.27a2fep-3f, -0x1.26e544p-4f,
                 -0x1.07ed94p-9f, 0x1.0a42bep-6f, 0x1.4594dcp-7f),
    TK_SLOPE_EVEN(0, 0x1.51fb56p-2f, 0x1.73ab1ep-2f, 0x1.5c250cp-3f, 0x1.58a32ep-22f,
                  -0x1.93da16p-5f, -0x1.104b02p-5f, -0x1.9cda66p-7f),
    TK_SLOPE_ODD(-0x1.98844ap-1f, -0x1.3b7356p-1f, -0x1.ef8e6ep-3f, 0x1.094086p-5f, 0x1.ba4b5p-4f,
                 0x1.3122p-4f, 0x1.fc479ap-6f, 0x1.251c14p-7f),
    TK_SLOPE_0(0x1p-1f, 0x1.0f5eb8p-3f, -0x1.55429cp-4f, -0x1.050e92p-3f, -0x1.5d1c06p-4f,
               -0x1.341c2ap-5f, -0x1.876f5ap-7f, -0x1.71da92p-9f),
};

/* error 2^-23.7 of |y| + 0.05 */
static const TK_Curve TK_FN(tk_gelu_tanh_slope_curve) = {
    TK_SLOPE_EVEN(0, 0x1.7f2aeep-6f, 0x1.0eb348p-7f, -0x1.5c48a8p-7f, -0x1.ad86fp-8f,
                  0x1.f7a7bep-12f, 0x1.23779p-9f, 0x1.358454p-10f),
    TK_SLOPE_ODD(-0x1.ec7bc6p-5f, -0x1.1f921ap-6f, 0x1.2c9a54p-5f, 0x1.bc5e14p-6f, -0x1.14c7b8p-9f,
                 -0x1.53e05cp-7f, -0x1.54f3dap-8f, 0x1.811decp-19f),
    TK_SLOPE_EVEN(0, -0x1.d2aac6p-4f, -0x1.421e3ap-4f, 0x1.d0fd92p-7f, 0x1.5bf3b6p-5f,
                  0x1.6641dcp-6f, 0x1.3226a4p-10f, -0x1.272b3cp-8f),
    TK_SLOPE_ODD(0x1.11a83ap-2f, 0x1.137c0ap-3f, -0x1.4e79b6p-4f, -0x1.216f1ep-3f, -0x1.270aaep-4f,
                 -0x1.1ef878p-8f, 0x1.0bdcecp-6f, 0x1.62bcb6p-7f),
    TK_SLOPE_EVEN(0, 0x1.528b32p-2f, 0x1.718598p-2f, 0x1.5bc586p-3f, 0x1.77c7b2p-9f,
                  -0x1.91d33ep-5f, -0x1.1d6b32p-5f, -0x1.accd98p-7f),
    TK_SLOPE_ODD(-0x1.98844ap-1f, -0x1.3b23b8p-1f, -0x1.efeb7cp-3f, 0x1.f40298p-6f, 0x1.b9db4p-4f,
                 0x1.384d1cp-4f, 0x1.043d9cp-5f, 0x1.182612p-7f),
    TK_SLOPE_0(0x1p-1f, 0x1.0fa05ep-3f, -0x1.53d226p-4f, -0x1.058d3cp-3f, -0x1.60a99ep-4f,
               -0x1.36e63ap-5f, -0x1.7b9708p-7f, -0x1.3d8a7p-9f),
};
