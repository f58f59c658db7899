/* Short lines, held in registers. Included once per floating type. */

/* W elements of a row, or the `left` that remain; `otherwise` where p is NULL. Loads branch, and so
 * stand before the arithmetic: a branch between a product and a sum would keep them from fusing on
 * one instruction set and not on another. */
TK_INLINE V TK_FN(row_load)(const T *p, int64_t i, int left, T otherwise)
{
    if (!p)
        return v_set(otherwise);
    return __builtin_expect(left == W, 1) ? v_load(p + i) : v_load_part(p + i, left);
}

TK_INLINE void TK_FN(row_store)(T *p, int64_t i, int left, V v)
{
    if (__builtin_expect(left == W, 1))
        v_store(p + i, v);
    else
        v_store_part(p + i, v, left);
}

/* The first n elements behind themselves, so that there are `times` as many. */
TK_INLINE void TK_FN(repeat)(T *x, int64_t n, int64_t times)
{
    for (int64_t i = n; i < n * times; i++)
        x[i] = x[i - n];
}

/* Lines that stay in registers: `vectors` of them, 1 or one or two blocks of lanes, a constant. */
#define MOST (2 * TK_VECTORS)
#define EACH_OF(v, vectors) _Pragma("GCC unroll 32") for (int v = 0; v < vectors; v++)

TK_INLINE T TK_FN(fold_line)(const V *x, TK_FN(combine_fn) combine, const int vectors)
{
    V acc[TK_VECTORS];
    if (vectors == 1)
        return TK_FN(fold)(x[0], combine);
    TK_EACH_VECTOR(v) acc[v] = vectors > TK_VECTORS ? combine(x[v + vectors / 2], x[v]) : x[v];
    return TK_FN(fold_block)(acc, combine);
}

TK_INLINE void TK_FN(store_line)(T *out, const V *x, int64_t n, const int vectors)
{
    EACH_OF(v, vectors)
    {
        const int64_t left = n - v * W;
        if (left >= W)
            v_store(out + v * W, x[v]);
        else if (left > 0)
            v_store_part(out + v * W, x[v], (int)left);
    }
}

/* n lines of `length` elements one behind the other, turned to columns. Short ones are turned in squares
 * that reach behind the last: `lines` has room for TK_MOST_SIDE elements more, columns for as many rows. */
TK_INLINE void TK_FN(lines_to_columns)(T *columns, T *lines, const T *x, int64_t length, int64_t n)
{
    tk_copy_rows((char *)lines, 0, (const char *)x, 0, 1, length * n * (int64_t)sizeof(T), 0);
    tk_turn_short((char *)columns, (const char *)lines, length, n, 0, sizeof(T));
}

/* And back. */
TK_INLINE void TK_FN(columns_to_lines)(T *out, T *lines, const T *columns, int64_t length, int64_t n,
                                       int streams)
{
    tk_turn_short((char *)lines, (const char *)columns, length, n, 1, sizeof(T));
    tk_copy_rows((char *)out, 0, (const char *)lines, 0, 1, length * n * (int64_t)sizeof(T), streams);
}
