/* The vector vocabulary for one element type; included once per type (no include guard).
 *
 * Before: TK_SUFFIX, TK_SCALAR (the element type), TK_SIGNED (the signed integer type of the same
 * width) and TK_VECTOR_BYTES (the register width of the instruction set). Only GCC/Clang vector
 * types are used here, so the same text serves SSE2, AVX2, AVX-512 and NEON.
 */
typedef TK_SCALAR T;
typedef TK_SIGNED I;
typedef T V __attribute__((vector_size(TK_VECTOR_BYTES)));
typedef I M __attribute__((vector_size(TK_VECTOR_BYTES)));

TK_INLINE V v_load(const T *p)
{
    V v;
    memcpy(&v, p, sizeof v);
    return v;
}

TK_INLINE void v_store(T *p, V v)
{
    memcpy(p, &v, sizeof v);
}

/* The first n < W elements; the other lanes are zero and are never read from memory. */
TK_INLINE V v_load_part(const T *p, int n)
{
    T lanes[TK_VECTOR_BYTES / sizeof(T)] = {0};
    for (int i = 0; i < n; i++)
        lanes[i] = p[i];
    return v_load(lanes);
}

TK_INLINE void v_store_part(T *p, V v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = v[i];
}

TK_INLINE V v_set(T x)
{
    return x - (V){0}; /* every lane x; minus, because -0.0 - 0.0 keeps its sign */
}

/* a where the mask is all ones, b where it is all zeros */
TK_INLINE V v_select(M mask, V a, V b)
{
    return (V)((mask & (M)a) | (~mask & (M)b));
}

TK_INLINE V v_and_mask(M mask, V a)
{
    return (V)(mask & (M)a);
}

/* Through a function, so that the comparison of integers with themselves passes without a warning. */
TK_INLINE M v_differs(V a, V b)
{
    return a != b;
}

TK_INLINE M v_isnan(V a)
{
    return v_differs(a, a);
}

/* NaN in either operand gives NaN, as PyTorch's maximum and minimum. */
TK_INLINE V v_max(V a, V b)
{
    return v_select((a > b) | v_isnan(a), a, b);
}

TK_INLINE V v_min(V a, V b)
{
    return v_select((a < b) | v_isnan(a), a, b);
}

/* Lane by lane, where no vector form exists. */
TK_INLINE V v_each1(V a, T (*f)(T))
{
    for (int i = 0; i < W; i++)
        a[i] = f(a[i]);
    return a;
}

TK_INLINE V v_each2(V a, V b, T (*f)(T, T))
{
    for (int i = 0; i < W; i++)
        a[i] = f(a[i], b[i]);
    return a;
}
