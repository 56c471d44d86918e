export const Provenance = () => null;
