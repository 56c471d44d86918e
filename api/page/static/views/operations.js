export const Operations = () => null;
