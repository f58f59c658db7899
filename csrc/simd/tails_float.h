/* gelu, its other form and their slopes in single precision beyond TK_CURVE_MOST; included by
 * curves.h.
 *
 * At -a each is (zero - a) 2^q(a), where q is a polynomial of degree 4 in each of sixteen pieces. A
 * gate is x more at x than at -x, a slope 1 less what it is at -x.
 */
#define TK_GELU_PIECES 1.40625f /* of which so many are 1; in the last all results become 0 */
#define TK_GELU_MOST 14.57f
#define TK_GELU_TANH_PIECES 2
#define TK_GELU_TANH_MOST 11.2f

/* From above: c, then level, tilt and the factors of u^2, u^3 and u^4 of 8 q, u = a - c. c is
 * chosen such that level + tilt u is within 2^-22 though both are float32s; the others are least
 * squares at the nodes of Chebyshev, the lowest rounded before the rest is fitted. A piece stands
 * at the last four bits of a times the pieces, rounded. */
typedef float TK_Tail[6][16] __attribute__((aligned(64)));

/* error of q 2^-24.3 */
static const TK_Tail tk_gelu_tail = {
    {0x1.6d65c8p3f, 0x1.83fb2p3f, 0x1.9a3bccp3f, 0x1.b10918p3f, 0x1.c686eap3f, 0x1.e1c5e4p1f,
     0x1.11612ep2f, 0x1.3e35bap2f, 0x1.6c6ed8p2f, 0x1.9c02f4p2f, 0x1.c8947ep2f, 0x1.f72146p2f,
     0x1.120e2p3f, 0x1.28d07ep3f, 0x1.3d6c4ap3f, 0x1.552124p3f},
    {-0x1.8b9d54p9f, -0x1.bbe592p9f, -0x1.ee43c6p9f, -0x1.12607ep10f, -0x1.2d63c6p10f,
     -0x1.b171cp6f, -0x1.0a71ap7f, -0x1.58684p7f, -0x1.b4425ap7f, -0x1.0f863cp8f, -0x1.473412p8f,
     -0x1.873a62p8f, -0x1.cacee4p8f, -0x1.0a76a8p9f, -0x1.2e83p9f, -0x1.5ae91ep9f},
    {-0x1.0991fep7f, -0x1.19bf76p7f, -0x1.29b346p7f, -0x1.3a0e86p7f, -0x1.497b38p7f, -0x1.716c1ap5f,
     -0x1.9e1f3cp5f, -0x1.dc629p5f, -0x1.0e8dbap6f, -0x1.301078p6f, -0x1.4f977cp6f, -0x1.70a0b8p6f,
     -0x1.90a17ap6f, -0x1.b11498p6f, -0x1.ce8232p6f, -0x1.f06744p6f},
    {-0x1.6e9ebp2f, -0x1.6eea26p2f, -0x1.6f293p2f, -0x1.6f605cp2f, -0x1.6f8d36p2f, -0x1.5e6e82p2f,
     -0x1.61c2d8p2f, -0x1.65243cp2f, -0x1.67a1eep2f, -0x1.697fe8p2f, -0x1.6acfd2p2f, -0x1.6bddecp2f,
     -0x1.6caa52p2f, -0x1.6d4f84p2f, -0x1.6dc9aap2f, -0x1.6e3d74p2f},
    {-0x1.366c6p-9f, -0x1.058da8p-9f, -0x1.be2b3p-10f, -0x1.7dafdep-10f, -0x1.4c2bbep-10f,
     -0x1.3fc9eap-5f, -0x1.e9159ep-6f, -0x1.5a3e88p-6f, -0x1.f3b15ap-7f, -0x1.6f365cp-7f,
     -0x1.197dep-7f, -0x1.b33314p-8f, -0x1.5960dap-8f, -0x1.1592c6p-8f, -0x1.ccef24p-9f,
     -0x1.78c098p-9f},
    {0x1.23f648p-13f, 0x1.009a94p-13f, 0x1.b2a31p-14f, 0x1.63a708p-14f, 0x1.0183aep-14f,
     0x1.5e15c2p-8f, 0x1.f9ecb6p-9f, 0x1.45470cp-9f, 0x1.b1c79p-10f, 0x1.2a7e7cp-10f,
     0x1.a46c42p-11f, 0x1.2f20d4p-11f, 0x1.bf3a5ap-12f, 0x1.5305d8p-12f, 0x1.0213e2p-12f,
     0x1.90e2d6p-13f},
};

/* error of q 2^-24.6 */
static const TK_Tail tk_gelu_tanh_tail = {
    {0x1.00db06p3f, 0x1.10f13ep3f, 0x1.20ad94p3f, 0x1.30dd44p3f, 0x1.409922p3f, 0x1.4f693ep3f,
     0x1.601604p3f, 0x1.d898a2p1f, 0x1.01301cp2f, 0x1.1ffbd2p2f, 0x1.3e418cp2f, 0x1.6186c4p2f,
     0x1.8088dap2f, 0x1.a15a84p2f, 0x1.c0eb76p2f, 0x1.deff2ap2f},
    {-0x1.1edd9p9f, -0x1.4e1054p9f, -0x1.8161dcp9f, -0x1.bbcbdcp9f, -0x1.fa58dp9f, -0x1.1d5998p10f,
     -0x1.44e592p10f, -0x1.b5cf0ep6f, -0x1.fdd3cp6f, -0x1.3bd0bap7f, -0x1.81b628p7f, -0x1.e11698p7f,
     -0x1.214a2ap8f, -0x1.5c7c4cp8f, -0x1.9d6872p8f, -0x1.e31a6cp8f},
    {-0x1.6331bcp7f, -0x1.8c520cp7f, -0x1.b6f728p7f, -0x1.e5532ap7f, -0x1.0a67eep8f, -0x1.21d9fcp8f,
     -0x1.3d82ccp8f, -0x1.a0bf82p5f, -0x1.d2846ap5f, -0x1.11c4f2p6f, -0x1.3e0c8p6f, -0x1.773758p6f,
     -0x1.ae6f0ap6f, -0x1.edee16p6f, -0x1.17f3fap7f, -0x1.399f14p7f},
    {-0x1.3d4c6cp4f, -0x1.512bbcp4f, -0x1.649c04p4f, -0x1.789ac8p4f, -0x1.8c0a7cp4f, -0x1.9e56f2p4f,
     -0x1.b2f048p4f, -0x1.242ae8p3f, -0x1.3dc76ep3f, -0x1.63c238p3f, -0x1.8925eep3f, -0x1.b4b7c6p3f,
     -0x1.db05d8p3f, -0x1.01c84ap4f, -0x1.15479p4f, -0x1.27db5ap4f},
    {-0x1.a5a7cap-1f, -0x1.a5a7b8p-1f, -0x1.a5a79ep-1f, -0x1.a5a8p-1f, -0x1.a5a71p-1f,
     -0x1.a5a7ap-1f, -0x1.a5a762p-1f, -0x1.a055cep-1f, -0x1.a3f87p-1f, -0x1.a57276p-1f,
     -0x1.a5a3a4p-1f, -0x1.a5a7bap-1f, -0x1.a5a7ccp-1f, -0x1.a5a7cap-1f, -0x1.a5a7ep-1f,
     -0x1.a5a81ap-1f},
    {0x1.387eb4p-19f, -0x1.62cae8p-20f, 0x1.f3d18p-18f, -0x1.e48b78p-16f, -0x1.779128p-17f,
     -0x1.ab6cb4p-16f, 0x1.94f91cp-14f, -0x1.2d7fdcp-7f, -0x1.c92002p-9f, -0x1.01716cp-11f,
     -0x1.43eb7ep-15f, -0x1.dbd166p-18f, 0x1.1ae10cp-20f, 0x1.11567cp-19f, 0x1.83467ap-17f,
     -0x1.2a14eap-17f},
};

/* error of q 2^-25.4 */
static const TK_Tail tk_gelu_slope_tail = {
    {0x1.6b4682p3f, 0x1.839be4p3f, 0x1.99c104p3f, 0x1.b05948p3f, 0x1.c70cc2p3f, 0x1.e0fb7cp1f,
     0x1.1113b2p2f, 0x1.3e1188p2f, 0x1.6a9246p2f, 0x1.9a81fp2f, 0x1.c55beep2f, 0x1.f2af1cp2f,
     0x1.121018p3f, 0x1.27a052p3f, 0x1.3e6c16p3f, 0x1.562edep3f},
    {-0x1.78cf4cp9f, -0x1.ac50b2p9f, -0x1.de1632p9f, -0x1.09dba2p10f, -0x1.263f26p10f,
     -0x1.693cb4p6f, -0x1.c83406p6f, -0x1.2f693p7f, -0x1.850d74p7f, -0x1.edba94p7f, -0x1.2b1cep8f,
     -0x1.67fe12p8f, -0x1.b0fd2ep8f, -0x1.f646eep8f, -0x1.229bbcp9f, -0x1.4edcc8p9f},
    {-0x1.062924p7f, -0x1.17b378p7f, -0x1.27aa64p7f, -0x1.37f4acp7f, -0x1.4852dep7f, -0x1.5dc85ep5f,
     -0x1.8c4faep5f, -0x1.ccbae2p5f, -0x1.064acp6f, -0x1.28bb4ap6f, -0x1.478c4cp6f, -0x1.682a36p6f,
     -0x1.8bc34p6f, -0x1.aad34cp6f, -0x1.cbac28p6f, -0x1.edeadcp6f},
    {-0x1.710a72p2f, -0x1.711674p2f, -0x1.711f2cp2f, -0x1.71268cp2f, -0x1.712c8ep2f, -0x1.6cfd68p2f,
     -0x1.6e063ep2f, -0x1.6efc06p2f, -0x1.6f9b02p2f, -0x1.700df8p2f, -0x1.705588p2f, -0x1.708c6p2f,
     -0x1.70b7c6p2f, -0x1.70d404p2f, -0x1.70eafap2f, -0x1.70fd7cp2f},
    {-0x1.78b1a4p-12f, -0x1.2b68ap-12f, -0x1.e8c5f4p-13f, -0x1.91b79cp-13f, -0x1.4ac5a6p-13f,
     -0x1.9c6924p-7f, -0x1.22d18cp-7f, -0x1.743252p-8f, -0x1.f1ec9ep-9f, -0x1.4f2d24p-9f,
     -0x1.e40f2cp-10f, -0x1.5fc27ep-10f, -0x1.fd48eep-11f, -0x1.87ebc4p-11f, -0x1.2d61a2p-11f,
     -0x1.d30b9ap-12f},
    {0x1.7d0b3ep-16f, 0x1.045f72p-15f, 0x1.8ca038p-17f, 0x1.f7ff5ap-16f, 0x1.a480bep-19f,
     0x1.237444p-9f, 0x1.83e984p-10f, 0x1.bdf62p-11f, 0x1.0d799p-11f, 0x1.5821bp-12f,
     0x1.bb521ep-13f, 0x1.29ea0cp-13f, 0x1.90f32p-14f, 0x1.2f11fep-14f, 0x1.9688aep-15f,
     0x1.4ca75ap-15f},
};

/* error of q 2^-24.6 */
static const TK_Tail tk_gelu_tanh_slope_tail = {
    {0x1.001dc4p3f, 0x1.0fae6ep3f, 0x1.1f3f68p3f, 0x1.2fc48p3f, 0x1.3fbbfcp3f, 0x1.502718p3f,
     0x1.5ffccp3f, 0x1.d87734p1f, 0x1.00ac04p2f, 0x1.1e78aep2f, 0x1.3f6532p2f, 0x1.5e2aa8p2f,
     0x1.7ec304p2f, 0x1.a198d8p2f, 0x1.bfc796p2f, 0x1.de7f2ap2f},
    {-0x1.0c8d44p9f, -0x1.39525cp9f, -0x1.6b157ap9f, -0x1.a5aaa6p9f, -0x1.e43f5ep9f,
     -0x1.15843ap10f, -0x1.3ae514p10f, -0x1.685ecap6f, -0x1.aa0a9ap6f, -0x1.0c53aap7f,
     -0x1.54c762p7f, -0x1.a46bcap7f, -0x1.034cd8p8f, -0x1.40575p8f, -0x1.7cfe2ap8f, -0x1.c2ad8p8f},
    {-0x1.5c6e32p7f, -0x1.844a26p7f, -0x1.ae798ep7f, -0x1.ddc94cp7f, -0x1.070052p8f, -0x1.21114ep8f,
     -0x1.3b6efcp8f, -0x1.82f86p5f, -0x1.b43f36p5f, -0x1.01b902p6f, -0x1.32813ep6f, -0x1.64d554p6f,
     -0x1.9f1c18p6f, -0x1.e305e8p6f, -0x1.114864p7f, -0x1.33db28p7f},
    {-0x1.3e3c84p4f, -0x1.5154e4p4f, -0x1.64700ep4f, -0x1.78b994p4f, -0x1.8c57c6p4f, -0x1.a08688p4f,
     -0x1.b3ffcp4f, -0x1.27b5b2p3f, -0x1.417a48p3f, -0x1.66d63ap3f, -0x1.8fb6f8p3f, -0x1.b5a9d4p3f,
     -0x1.ddb7ap3f, -0x1.043956p4f, -0x1.16b972p4f, -0x1.298d5cp4f},
    {-0x1.a2a64ep-1f, -0x1.a2d916p-1f, -0x1.a30f6cp-1f, -0x1.a348bep-1f, -0x1.a37de8p-1f,
     -0x1.a3b0a8p-1f, -0x1.a3dc7ep-1f, -0x1.ae1492p-1f, -0x1.adc96cp-1f, -0x1.a9d6p-1f,
     -0x1.a613c2p-1f, -0x1.a40dfp-1f, -0x1.a2fa56p-1f, -0x1.a281dp-1f, -0x1.a269f6p-1f,
     -0x1.a27a68p-1f},
    {-0x1.603792p-13f, -0x1.8265a8p-13f, -0x1.ec8244p-13f, -0x1.c6b2f8p-13f, -0x1.abffe8p-13f,
     -0x1.56b0c8p-13f, -0x1.88dfdap-13f, -0x1.846bdcp-9f, 0x1.70769ap-9f, 0x1.174958p-8f,
     0x1.5f3212p-9f, 0x1.6b53aep-10f, 0x1.524b52p-11f, 0x1.f4e684p-13f, 0x1.c6b94ep-18f,
     -0x1.2f9138p-13f},
};

/* factor 2^q(a) / TK_TAIL_UNIT, which is normal wherever it counts. It is multiplied by the unit in
 * a fused sum: a product of its own that underflows takes longer than all of this. */
#define TK_TAIL_UNIT 0x1p-64f
TK_INLINE V v_tail(V a, V factor, const TK_Tail tail, const T pieces)
{
    const T magic = TK_MAGIC + 8 * 128; /* turns the unit of v_eighths upside down */
    M piece = (M)(a * pieces + TK_MAGIC);
    V u = a - v_pick16(tail[0], piece), square = u * u;
    V level = v_pick16(tail[1], piece), tilt = v_pick16(tail[2], piece);
    V rest = v_pick16(tail[5], piece) * u + v_pick16(tail[4], piece);
    rest = (rest * u + v_pick16(tail[3], piece)) * square;
    V t = rest + (tilt * u + level) + magic;
    V r = rest + v_product_plus(tilt, u, level - (t - magic));
    /* 2^(r/8) times the c of v_eighths, degree 3, error 2^-25.1 */
    V p = 0x1.a211e2p-14f * r + 0x1.c45de2p-9f;
    p = p * r + 0x1.4645bcp-4f;
    p = p * r + 0x1.d6b62ap-1f;
    return p * v_eighths(t) * factor;
}

#define TK_GATE(name, tail, pieces, most)                                                          \
    TK_INLINE V name(V x)                                                                          \
    {                                                                                              \
        V a = v_at_most(v_abs(x), most);                                                           \
        return v_at_least(x, -0.0f) - v_tail(a, a, tail, pieces) * TK_TAIL_UNIT;                   \
    }
#define TK_SLOPE(name, tail, pieces, most, zero)                                                   \
    TK_INLINE V name(V x)                                                                          \
    {                                                                                              \
        V a = v_at_most(v_abs(x), most), base = v_less(v_set(0), x, v_set(1), v_set(0));           \
        V unit = v_less(v_set(0), x, v_set(-TK_TAIL_UNIT), v_set(TK_TAIL_UNIT));                   \
        return v_tail(a, zero - a, tail, pieces) * unit + base;                                    \
    }
TK_GATE(v_gelu_formula, tk_gelu_tail, TK_GELU_PIECES, TK_GELU_MOST)
TK_GATE(v_gelu_tanh_formula, tk_gelu_tanh_tail, TK_GELU_TANH_PIECES, TK_GELU_TANH_MOST)
TK_SLOPE(v_gelu_slope_formula, tk_gelu_slope_tail, TK_GELU_PIECES, TK_GELU_MOST, 0x1.80ead2p-1f)
TK_SLOPE(v_gelu_tanh_slope_formula, tk_gelu_tanh_slope_tail, TK_GELU_TANH_PIECES,
         TK_GELU_TANH_MOST, 0x1.8142ap-1f)
#undef TK_GATE
#undef TK_SLOPE
#undef TK_TAIL_UNIT
#undef TK_GELU_PIECES
#undef TK_GELU_MOST
#undef TK_GELU_TANH_PIECES
#undef TK_GELU_TANH_MOST
