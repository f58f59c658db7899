/* The logarithm of |Gamma(x)|; included by math_float.h and math_double.h.
 *
 * Between 1/2 and 8 it is a polynomial of u = x - c for each quarter of each octave, with c = 1 or
 * 2, where it is 0, in the quarters beside them, so that it keeps its digits there; from 8 on the
 * series of Stirling; below 1/2 by ln Gamma(1 + x) - ln |x| and by reflection. Abramowitz and
 * Stegun 6.1.15, 6.1.17 and 6.1.41.
 */
#define TK_GAMMA_QUARTERS 16

/* c, the value there, then the coefficients, of the lowest degree first: the error is 2^-26 in
 * single precision, 2^-55.5 in double, relative to the function. */
#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
#define TK_GAMMA_ROWS 15
static const T TK_FN(tk_gamma)[TK_GAMMA_ROWS][TK_GAMMA_QUARTERS] __attribute__((aligned(64))) = {
    {0x1.144p-1, 0x1.6e8p-1, 0x1.a7cp-1, 0x1p0, 0x1p0, 0x1.664p0, 0x1.9ecp0, 0x1p1, 0x1p1,
     0x1.5dp1, 0x1.a7cp1, 0x1.d6cp1, 0x1.25p2, 0x1.674p2, 0x1.aecp2, 0x1.d28p2},
    {0x1.fe5d1d176f2bep-2, 0x1.ef71f43319798p-3, 0x1.0290e705da8b2p-3, 0, 0,
     -0x1.e9c954f2aecbbp-4, -0x1.c214faa13ace3p-4, 0, 0, 0x1.d316f522bdb55p-2,
     0x1.fefe18e6c285fp-1, 0x1.66f415edebb66p0, 0x1.48104364b9e4bp1, 0x1.090fd034f44f9p2,
     0x1.8520e647d5cb1p2, 0x1.c81f8aa8407f2p2},
    {-0x1.c7d3254ee84b5p0, -0x1.2d0ccd28c19acp0, -0x1.ce62e1d713d6cp-1, -0x1.2788cfc6fb619p-1,
     -0x1.2788cfc6fb619p-1, -0x1.fbc908eb2ddf3p-5, 0x1.25395be5f6149p-3, 0x1.b0ee6072093cep-2,
     0x1.b0ee6072093cep-2, 0x1.9dffefdf9910fp-1, 0x1.09de0455b525cp0, 0x1.29049c4030e09p0,
     0x1.687a5ca4b885ep0, 0x1.a2281ba1c0c3cp0, 0x1.d49cf820480fcp0, 0x1.ea8cf7450c35ep0},
    {0x1.15a461d8e01aap1, 0x1.5e214c9f27768p0, 0x1.176158ece424fp0, 0x1.a51a6625307afp-1,
     0x1.a51a66253079dp-1, 0x1.06a3c5c57c774p-1, 0x1.b06237ef4a499p-2, 0x1.4a34cc4a60f83p-2,
     0x1.4a34cc4a60f9dp-2, 0x1.c4a5d26761f99p-3, 0x1.68a768776a2fap-3, 0x1.3fab2e23d9c5fp-3,
     0x1.f3b9d2d8f4c6ap-4, 0x1.8f43feba6f37dp-4, 0x1.4801ff4c52c84p-4, 0x1.2d1ecf185e79bp-4},
    {-0x1.202fbb295c829p1, -0x1.01d603bce7357p0, -0x1.5816e31e82a1fp-1, -0x1.9a4d55beaf86cp-2,
     -0x1.9a4d55bea2ebfp-2, -0x1.51fca5dc92ec9p-3, -0x1.d16583deca30cp-4,
     -0x1.13e001a55b8a1p-4, -0x1.13e001a554c31p-4, -0x1.06e0036a84cc7p-5,
     -0x1.4f76d2b726e1cp-6, -0x1.0812883052b7p-6, -0x1.439b6f3d02867p-7,
     -0x1.9dda77c4df907p-8, -0x1.17972a8df3c02p-8, -0x1.d76b0d00b2f49p-9},
    {0x1.806aa284fd64bp1, 0x1.f9de3eed893e3p-1, 0x1.1f6353ad9416fp-1, 0x1.151322aa887p-2,
     0x1.151322a94f3dap-2, 0x1.37246474ea912p-4, 0x1.6a21e4126d216p-5, 0x1.51322ac42b212p-6,
     0x1.51322ac584039p-6, 0x1.c3cf33a333ecp-8, 0x1.cfc9ed5785462p-9, 0x1.44d1bb171f35fp-9,
     0x1.38e043329973cp-10, 0x1.40c11740483f7p-11, 0x1.64bcefafaa125p-12,
     0x1.144620f3826f8p-12},
    {-0x1.19909bd58db3dp2, -0x1.1453c265da7a7p0, -0x1.0d7a31ea5b471p-1, -0x1.a8b9c277f64p-3,
     -0x1.a8b9c0454a7cbp-3, -0x1.4b2a458dcbb6ep-5, -0x1.4817ef2f28b17p-6,
     -0x1.e404fdf48a772p-8, -0x1.e404fb2ca5cd2p-8, -0x1.cc285c10c0effp-10,
     -0x1.7d6db8e3e4c8fp-11, -0x1.dc1bd87216ap-12, -0x1.695e8e6eeda9ep-13,
     -0x1.296ed3771a0eap-14, -0x1.108bad7537f4dp-15, -0x1.83e8f61f540e5p-16},
    {0x1.b13288db1f1e8p2, 0x1.3ef357638d9e6p0, 0x1.0c01014d4e9a3p-1, 0x1.5b40a36b0b61bp-3,
     0x1.5b40a8bba0cb4p-3, 0x1.7c367673f909fp-6, 0x1.422c72c3a912ep-7, 0x1.7add26e6ec2f1p-9,
     0x1.7add51ff86862p-9, 0x1.016e1abf9378p-11, 0x1.59c269f55132p-13, 0x1.8125ce9ac42bfp-14,
     0x1.cdbefe3d2f09ap-16, 0x1.3190d8bfa28e9p-17, 0x1.cdca01e0efb1bp-19,
     0x1.2e11e4ce68e22p-19},
    {-0x1.57a685e5d7624p3, -0x1.7ca331338af11p0, -0x1.141b82ead44f5p-1, -0x1.2707b13d11fa4p-3,
     -0x1.270133a81f6ecp-3, -0x1.c8b16abdc750dp-7, -0x1.4c0bcefa8bdf4p-8,
     -0x1.38b395480ec42p-10, -0x1.38aa3e674ce5ap-10, -0x1.3171a822badb1p-13,
     -0x1.4d4f65b101e2ep-15, -0x1.4bbfa23e9375p-16, -0x1.3ac2659a164b3p-18,
     -0x1.4f65775de9551p-20, -0x1.a25610ff2ad6p-22, -0x1.f73a1048cfe12p-23},
    {0x1.1687956dbd296p4, 0x1.d0a5c1da42f87p0, 0x1.233e3220c499ep-1, 0x1.00c37f494f1f7p-3,
     0x1.00edab6c1661ep-3, 0x1.1a78e83e6a7b3p-7, 0x1.6137747120968p-9, 0x1.0ab94b08d6ad7p-11,
     0x1.0b1c14fba76d3p-11, 0x1.7900aaf33af32p-15, 0x1.4efd17e820e28p-17,
     0x1.2a4f9acc179b3p-18, 0x1.c0c90c2b356e5p-21, 0x1.817db295b9939p-23,
     0x1.8d15867d2fbep-25, 0x1.b745ab6ceff07p-26},
    {-0x1.cad2a8d30b5f5p4, -0x1.206157d4a903p1, -0x1.3880b19490b21p-1, -0x1.cec10003e458p-4,
     -0x1.c6176932ff051p-4, -0x1.64ac883960cc7p-8, -0x1.801a76fb58bb9p-10,
     -0x1.df8bd8be5464fp-13, -0x1.d232d25a606a1p-13, -0x1.de8b5a183c73fp-17,
     -0x1.5b070ce82fe6bp-19, -0x1.1433b72a16f11p-20, -0x1.4a8add41c2decp-23,
     -0x1.cab6c33ca13a4p-26, -0x1.871557fd62e3fp-28, -0x1.841b349b13419p-29},
    {0x1.7ee38d5bc0e0fp5, 0x1.6a82b6bc8dedbp1, 0x1.5377bc5da4162p-1, 0x1.63a9ad3000e7fp-4,
     0x1.8eb7e90d462f2p-4, 0x1.c94218b6da56dp-9, 0x1.a85f94115950bp-11, 0x1.459cf141de96ep-14,
     0x1.96725fd1e04c5p-14, 0x1.35a0903709633p-18, 0x1.7bb420c201019p-21,
     0x1.fb6ad3df525cdp-23, 0x1.f34c6cd39d7d4p-26, 0x1.1606dd1ea7744p-28,
     0x1.9568f703844fdp-31, 0x1.2a74b4b4fc141p-32},
    {-0x1.41f290f93db32p6, -0x1.c52d6dd38577bp1, -0x1.722c9e064686ap-1, -0x1.486979045da6ap-3,
     -0x1.46bf3926bb7d6p-4, -0x1.27433d6512fecp-9, -0x1.d8230dea4b73p-12,
     -0x1.a66380f7c3ef7p-14, -0x1.4c886cebeba85p-15, -0x1.930d0bc42539dp-20,
     -0x1.4c18e8fff73d7p-23, -0x1.19a3480e8e935p-24, -0x1.7d3d0d08bd96fp-28,
     -0x1.3e7ffea994df6p-31, -0x1.2ac776bdc1df4p-36, -0x1.236dca6c7da8p-33},
    {0x1.00e14e61c1e15p7, 0x1.3ac32ff6e2cd4p2, 0x1.c6381a486716fp-1, -0x1.0f1154591200bp-3,
     0x1.ac7854b4fe56p-5, 0x1.8266962172927p-10, 0x1.10a31de2c9df1p-12,
     -0x1.0a2ce260feec9p-14, 0x1.b5b4496138b59p-17, 0x1.23945a785c8e4p-21,
     -0x1.1817d10640d18p-24, 0x1.8a90bacc2d05cp-24, 0x1.25f687a1d4e0fp-30,
     0x1.a2b1a905b5c68p-33, 0x1.83c3870a25cc4p-34, 0x1.b1ef840fd0639p-33},
    {-0x1.1b3d62abd4e3cp7, -0x1.be3acdfbb0512p2, -0x1.87e51ac05d87ep-1, -0x1.9709cc5753c95p-2,
     -0x1.3b96bf93a2116p-6, -0x1.4a404749d654bp-10, -0x1.8ce5a36de5ed4p-13,
     -0x1.1e7a8b7b6596p-14, -0x1.44f23afe32a17p-19, -0x1.237a749083d37p-22,
     -0x1.fddfd4b56ffeep-23, -0x1.b1939f3396cbap-24, -0x1.4ddabc0a47bb1p-32,
     0x1.5422031e9ea37p-36, 0x1.b7bc92bca5986p-36, -0x1.91e694a833519p-34},
};
#else
#define TK_GAMMA_ROWS 9
static const T TK_FN(tk_gamma)[TK_GAMMA_ROWS][TK_GAMMA_QUARTERS] __attribute__((aligned(64))) = {
    {0x1.23p-1f, 0x1.6c4p-1f, 0x1.ad4p-1f, 0x1p0f, 0x1p0f, 0x1.52p0f, 0x1.9a8p0f, 0x1p1f,
     0x1p1f, 0x1.674p1f, 0x1.948p1f, 0x1.d4p1f, 0x1.1d8p2f, 0x1.56cp2f, 0x1.a1p2f, 0x1.d5cp2f},
    {0x1.cba09ap-2f, 0x1.fa154cp-3f, 0x1.dde87ep-4f, 0, 0, -0x1.c83584p-4f, -0x1.cb56cep-4f,
     0, 0, 0x1.0b6a1ep-1f, 0x1.b119bep-1f, 0x1.609738p0f, 0x1.332886p1f, 0x1.dd1066p1f,
     0x1.6c32bcp2f, 0x1.ce5ceep2f},
    {-0x1.a93232p0f, -0x1.30247p0f, -0x1.c27fd6p-1f, -0x1.2788dp-1f, -0x1.2788dp-1f,
     -0x1.2bd14cp-3f, 0x1.085128p-3f, 0x1.b0ee6p-2f, 0x1.b0ee6p-2f, 0x1.afd07ap-1f,
     0x1.f7e0cap-1f, 0x1.274b98p0f, 0x1.610d36p0f, 0x1.94f4cap0f, 0x1.cba64ap0f, 0x1.ec7478p0f},
    {0x1.fd0c06p0f, 0x1.618f12p0f, 0x1.11ef06p0f, 0x1.a51a34p-1f, 0x1.a51a7ap-1f,
     0x1.1c42ep-1f, 0x1.b6411p-2f, 0x1.4a349cp-2f, 0x1.4a34e4p-2f, 0x1.b562a6p-3f,
     0x1.7c9c0ep-3f, 0x1.41cf9ap-3f, 0x1.012e4p-3f, 0x1.a452c4p-4f, 0x1.53ab86p-4f,
     0x1.2ae45p-4f},
    {-0x1.f05e6ep0f, -0x1.065a78p0f, -0x1.4c068p-1f, -0x1.9a66cep-2f, -0x1.9a5096p-2f,
     -0x1.88e8e8p-3f, -0x1.dda884p-4f, -0x1.13f798p-4f, -0x1.13e56ep-4f, -0x1.eb6078p-6f,
     -0x1.754684p-6f, -0x1.0b84a8p-6f, -0x1.56be7ap-7f, -0x1.ca8706p-8f, -0x1.2bb676p-8f,
     -0x1.d0546ep-9f},
    {0x1.38f9e2p1f, 0x1.02e632p0f, 0x1.119d52p-1f, 0x1.124ceep-2f, 0x1.151cc2p-2f,
     0x1.82bf94p-4f, 0x1.784554p-5f, 0x1.4c3832p-6f, 0x1.51ab14p-6f, 0x1.97ea98p-8f,
     0x1.107bbcp-8f, 0x1.47a81ep-9f, 0x1.54f048p-10f, 0x1.756ceep-11f, 0x1.8c84b6p-12f,
     0x1.0ebbp-12f},
    {-0x1.b00564p1f, -0x1.16bf0ap0f, -0x1.047d98p-1f, -0x1.f42aap-3f, -0x1.a615d2p-3f,
     -0x1.b453c2p-5f, -0x1.572b26p-6f, -0x1.33d13p-7f, -0x1.e765bap-8f, -0x1.87e5bp-10f,
     -0x1.b9de64p-11f, -0x1.21db2cp-11f, -0x1.9591eap-13f, -0x1.62a414p-14f, -0x1.70bbc4p-15f,
     -0x1.e6be22p-16f},
    {0x1.44fb6cp2f, 0x1.c49f48p0f, 0x1.3ec724p-3f, -0x1.2bc332p-4f, 0x1.3ceb94p-3f,
     0x1.d952ap-6f, 0x1.1c79cp-7f, -0x1.d0e634p-9f, 0x1.6fc23cp-9f, 0x1.7c7326p-11f,
     -0x1.16831ap-13f, 0x1.aed1fp-11f, 0x1.092a42p-15f, 0x1.aa5e64p-17f, 0x1.6d3ae6p-19f,
     0x1.2103f6p-17f},
    {-0x1.45ee7cp3f, 0x1.f4a95ap-2f, -0x1.20aa44p1f, -0x1.90b5c4p-1f, -0x1.459e14p-4f,
     -0x1.e9360ep-8f, 0x1.9228bep-13f, -0x1.32372cp-7f, -0x1.91fdd4p-11f, 0x1.39971cp-12f,
     0x1.b52548p-12f, -0x1.1d71dcp-10f, -0x1.423908p-18f, -0x1.42e9dep-18f, 0x1.97ce1p-17f,
     -0x1.72ddb2p-21f},
};
#endif

/* z - 1/2 times (log(z) - 1) and what is left, for z >= 8. The first factor is nowhere rounded, and
 * the second kept in two parts. */
TK_INLINE V v_stirling(V z)
{
    V inverse = 1 / z, s = inverse * inverse;
#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX) /* error 2^-63 */
    V p = -0x1.a5d93227f028cp-10 * s + 0x1.b5f3e4d42d936p-11;
    p = p * s - 0x1.380a5c8fdf16fp-11;
    p = p * s + 0x1.a019f4c3d33e8p-11;
    p = p * s - 0x1.6c16c169f370dp-9;
    p = p * s + 0x1.5555555555516p-4;
#else /* error 2^-33.6 */
    V p = -0x1.69bc4ep-9f * s + 0x1.55553cp-4f;
#endif
    V e, f = v_log_split(z, &e), whole = e * TK_LN2_HI - 1, sum = f + whole;
    V rest = (v_log_tail(f) + e * TK_LN2_LO) + ((whole - sum) + f);
    V log = sum + rest;
    rest = (sum - log) + rest;
    p = p * inverse + (T)0.41893853320467274178L; /* log(2 pi) / 2 - 1/2 */
    return z * log + (z * rest + (p - 0.5f * log));
}

#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
/* sin(pi f) / pi for 0 <= f <= 1/2, error 2^-61.3 */
TK_INLINE V v_sine_of_turn(V f)
{
    V s = f * f;
    V p = 0x1.0743dccd5a39p-22 * s - 0x1.d3e6a90b659d1p-18;
    p = p * s + 0x1.3746a191e1825p-13;
    p = p * s - 0x1.33816997d957ep-9;
    p = p * s + 0x1.ac6805cc89dc2p-6;
    p = p * s - 0x1.86a8e4720a1dep-3;
    p = p * s + 0x1.9f9cb402bc429p-1;
    p = p * s - 0x1.a51a6625307d3p0;
    return p * s * f + f;
}

/* For x < 1/2, given y = ln Gamma of 1 + x where x > -1/2, of -x below: y - ln |x| and, as
 * Gamma(x) Gamma(-x) = -pi / (x sin(pi x)), -y - ln |x sin(pi x) / pi|. */
TK_OUTLINE V v_lgamma_below(V x, V y)
{
    V a = v_abs(x), half = v_set(0.5);
    V q = v_less(a, half, a, a * v_sine_of_turn(v_abs(x - v_rint(x))));
    V e, f = v_log_split(q, &e), whole = e * TK_LN2_HI, log = f + whole;
    V rest = (v_log_tail(f) + e * TK_LN2_LO) + ((whole - log) + f);
    y = (v_less(a, half, y, -y) - rest) - log;
    return v_select((q == 0) | (a == (T)INFINITY), v_set(INFINITY), y);
}
#endif

/* ln Gamma(z) for z >= 1/2, z = x + shift */
TK_INLINE V v_lgamma_above(V z, V x, V shift)
{
    M quarter = (M)((TK_Bits)z >> (TK_MANTISSA - 2)) - (TK_ONE_BITS >> (TK_MANTISSA - 2)) + 4;
    V u = x - (v_pick16(TK_FN(tk_gamma)[0], quarter) - shift);
    V y = v_pick16(TK_FN(tk_gamma)[TK_GAMMA_ROWS - 1], quarter);
#pragma GCC unroll 16
    for (int k = TK_GAMMA_ROWS - 2; k > 0; k--)
        y = y * u + v_pick16(TK_FN(tk_gamma)[k], quarter);
    if (v_any_above(z, 0x1.fffffep2f))
        y = v_less(z, v_set(8), y, v_less(z, v_set(INFINITY), v_stirling(z), z));
    return y;
}

#if TK_CAT(TK_IS_DOUBLE, TK_SUFFIX)
TK_OUTLINE V v_lgamma(V x)
{
    V half = v_set(0.5), a = v_abs(x), shift = v_less(a, half, v_set(1), v_set(0));
    V b = v_less(a, half, x, a), y = v_lgamma_above(b + shift, b, shift);
    return v_any_above(-x, -0.5) ? v_less(x, half, v_lgamma_below(x, y), y) : y;
}
#else
/* 1 / |Gamma(x)| = |f| P(f) with f = x - rint(x), -7.5 < x <= 0.5: P of degree 10, of the highest
 * degree first, for rint(x) = 0, -7, -6 ... -1. The error is 2^-28.4 of the logarithm, so nearly 0
 * where that is 0. */
static const double tk_inverse_gamma[11][8] __attribute__((aligned(64))) = {
    {0x1.0bbe1ee0c01d2p-13, -0x1.ccb1f6bb1b76ep5, -0x1.bbcca72de4d29p2, -0x1.b5423c5e803c1p-1,
     -0x1.a599684acc5c4p-4, -0x1.64469457e0f98p-7, 0x1.2c5d9a98636a5p-14,
     0x1.717ec83f104c1p-12},
    {-0x1.e04e1eb1eb233p-13, 0x1.89c943c69b319p5, 0x1.5a3923df7d6adp3, 0x1.01fcaf0ee9af1p1,
     0x1.72b3c61bfdbc8p-2, 0x1.038aabebe0a88p-4, 0x1.418c48a6ee68cp-7, 0x1.bc0256c54dbdfp-11},
    {-0x1.317a4e7de3822p-10, 0x1.7984899dd08e1p8, 0x1.ef128bd47481bp4, 0x1.d23915c404e43p0,
     -0x1.1cdeced76243fp-3, -0x1.a0ca0260570f4p-4, -0x1.14b936c740bcep-5,
     -0x1.12c1a3fac54d7p-7},
    {0x1.d9549b2dd1abcp-8, -0x1.587d7067e4572p10, -0x1.43fe6dcad662cp7, -0x1.423a9bac2e58dp4,
     -0x1.43e44104f48b9p1, -0x1.14cfc756bbae8p-2, 0x1.4391751db21fp-10, 0x1.145a397018f35p-6},
    {-0x1.3b4a659ba056p-7, 0x1.7eda6b72f2c5ap10, 0x1.e5fa8a4fad836p7, 0x1.484d7f791b53bp5,
     0x1.de3957c1d5347p2, 0x1.72970673aefa7p0, 0x1.187f9e66a14b5p-2, 0x1.0adbe39dd8154p-5},
    {-0x1.59afe3dcc728fp-5, 0x1.20948ac73ac4bp11, 0x1.5378979722718p7, 0x1.a1bc82561f092p1,
     -0x1.d63cf0079684fp1, -0x1.ae67d00603acfp0, -0x1.4086f96bea6dap-1, -0x1.ab7f8303ee7aap-3},
    {0x1.551230f0b2864p-3, -0x1.1e9fb66c99dd4p13, -0x1.1819cba9307f4p10, -0x1.2c492605c5c85p7,
     -0x1.5a17f62ac49b7p4, -0x1.868e477a3b334p1, -0x1.9309f9946b371p-3, 0x1.ab17b170c3871p-3},
    {-0x1.5815df2f9059bp-5, 0x1.1e927b5d283ccp13, 0x1.4c47f9de93de1p10, 0x1.b71666aa4ae8p7,
     0x1.4fe837bec7d89p5, 0x1.2da1483e09285p3, 0x1.3afcfbee87ac7p1, 0x1.3a4de62ebe81bp-1},
    {-0x1.4fcf4023d3ad7p-1, 0x1.1d6a4853d7372p11, 0x1.0b1e708dc1508p7, -0x1.7b9937438966cp3,
     -0x1.334268a054e32p3, -0x1.12378ecfbe69cp2, -0x1.058e3aea39525p1, -0x1.3bac07fe14f4fp0},
    {0x1.2788cfc4ed9c3p-1, -0x1.3d76aa1581d1ap13, -0x1.5119e6f40a377p10, -0x1.9977de9aacfe4p7,
     -0x1.212cb21569943p5, -0x1.e2596435047bfp2, -0x1.d87730789ebe8p0, -0x1.b0ee6090f6508p-2},
    {0x1.fffffffffa589p-1, 0x1.3afffffffffdp12, 0x1.67ffffffff995p9, 0x1.dffffffff6e6bp6,
     0x1.7fffffffd07d9p4, 0x1.80000002cc41bp2, 0x1.fffffffd63e3ep0, 0x1.000000000ec82p0},
};

/* That number is 2^e (1 + g). */
TK_INLINE TK_Wide v_inverse_gamma(TK_Wide x, TK_Wide *e)
{
    TK_Wide t = x + 0x1.8p52, f = x - (t - 0x1.8p52), s = f * f;
    TK_Wide even = v_pick_f64(tk_inverse_gamma[0], t), odd = v_pick_f64(tk_inverse_gamma[1], t);
#pragma GCC unroll 8
    for (int k = 2; k < 10; k += 2) { /* two chains, as half of the time is their latency */
        even = even * s + v_pick_f64(tk_inverse_gamma[k], t);
        odd = odd * s + v_pick_f64(tk_inverse_gamma[k + 1], t);
    }
    even = even * s + v_pick_f64(tk_inverse_gamma[10], t);
    return v_split_wide(v_abs_f64(f) * (odd * f + even), e) - 1;
}

/* x < -7.5: there the series of Stirling is good enough, and all is in double precision. */
static __attribute__((noinline, cold, unused)) V v_lgamma_far(V x, V near)
{
    V a = v_at_least(-x, 7.5f);
    TK_Wide lower = v_widen(a, 0), upper = v_widen(a, 1);
    V far = v_narrow(v_lgamma_below_f64(-lower, v_stirling_f64(lower)),
                     v_lgamma_below_f64(-upper, v_stirling_f64(upper)));
    return v_less(v_set(-7.5f), x, near, far);
}

/* x < 1/2. 1 / Gamma is taken in double precision, for near 1 all digits of its difference from 1
 * are wanted, which is a small number once it is taken. */
TK_INLINE V v_lgamma_below(V x)
{
    TK_Wide lower_e, upper_e, lower = v_inverse_gamma(v_widen(x, 0), &lower_e);
    TK_Wide upper = v_inverse_gamma(v_widen(x, 1), &upper_e);
    V g = v_narrow(lower, upper), e = v_narrow(lower_e, upper_e);
    V y = v_select(v_rint(x) == x, v_set(INFINITY), -v_log_sum(g, v_log_tail(g), e));
    return __builtin_expect(v_any_above(-x, 0x1.dffffep2f), 0) ? v_lgamma_far(x, y) : y;
}

TK_OUTLINE V v_lgamma(V x)
{
    V y = v_lgamma_above(x, x, v_set(0));
    return v_any_above(-x, -0.5f) ? v_less(x, v_set(0.5f), v_lgamma_below(x), y) : y;
}
#endif
#undef TK_GAMMA_ROWS
#undef TK_GAMMA_QUARTERS
