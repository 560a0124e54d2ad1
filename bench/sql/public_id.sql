-- Public ids as `lms_graph.kit.ids` spells them: 26 letters of base 32. Five bytes are eight letters; their bits are spread over eight bytes by halving three
-- times, and 64 is added to each, so that the bytes are text that `translate` can turn into the alphabet.
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO lms_app;
CREATE FUNCTION bench.public_id(prefix text, id uuid) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
    raw bytea := uuid_send(id);
    letters bytea := int2send((16448 + (get_byte(raw, 0) >> 5) * 256 + (get_byte(raw, 0) & 31))::smallint);
    five bigint;
BEGIN
    FOR place IN 0..2 LOOP
        five := substr(raw, 2 + place * 5, 5)::bigint;
        five := ((five & x'000000FFFFF00000'::bigint) << 12) | (five & x'00000000000FFFFF'::bigint);
        five := ((five & x'000FFC00000FFC00'::bigint) << 6) | (five & x'000003FF000003FF'::bigint);
        five := ((five & x'03E003E003E003E0'::bigint) << 3) | (five & x'001F001F001F001F'::bigint);
        letters := letters || int8send(five | x'4040404040404040'::bigint);
    END LOOP;
    RETURN prefix || '_' || translate(convert_from(letters, 'UTF8'), '@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_', '0123456789abcdefghjkmnpqrstvwxyz');
END $$;
